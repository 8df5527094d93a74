"""The queue on disk: nothing leaves it but what was delivered or is reported, whatever is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import Unavailable, WeirError
from schemas.records.tables import BlockIdentity
from schemas.wire.codec import decode_batch
from schemas.wire.framing import unframe
from streams.columns.merged import merge_batches
from streams.forwarding import outbox as module
from streams.forwarding.outbox import Outbox
from streams.forwarding.split import ForwardedBatch, split_by_region
from tests.streams.forwarding.test_regions import US_AND_AP
from tests.streams.support import batch

HOME = "eu"


def block(number: int, partition: int = 0) -> BlockIdentity:
    return BlockIdentity("weir.flows", partition, 10 * number, 10 * number + 9)


def message(window: int) -> ForwardedBatch:
    """One flow to region us."""
    (made,) = split_by_region(merge_batches([batch([9], window=window)], region=HOME), US_AND_AP)[1]
    return made


SIZE = len(message(1_000).value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "forward" / "outbox.db"


@pytest.fixture
def outbox(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    """Room for ten messages, of which the first two may be on their way."""
    monkeypatch.setattr(module, "HEAD_MESSAGES", 2)
    opened = Outbox(path, 10 * SIZE + SIZE // 2, HOME)
    yield opened
    opened.close()


def windows(outbox: Outbox, region: str = "us") -> list[int]:
    """What comes out, in order, until the region has everything."""
    found = []
    while waiting := outbox.head(region):
        found += [decode_batch(unframe(one.value).body).window_start_us // 10_000_000 for one in waiting]
        outbox.remove(region, waiting)
    return found


def fill(outbox: Outbox, numbers: range, confirmed: bool = True) -> None:
    for number in numbers:
        outbox.add(block(number), [message(number)])
        if confirmed:
            outbox.confirm(block(number))


def test_first_in_first_out_and_over_a_restart(outbox: Outbox, path: Path) -> None:
    fill(outbox, range(5))
    outbox.close()
    again = Outbox(path, 10 * SIZE, HOME)
    assert again.waiting().keys() == {"us"}
    assert windows(again) == [0, 1, 2, 3, 4]
    assert again.waiting() == {}
    again.close()


def test_when_full_the_oldest_behind_the_head_make_room_and_are_reported(outbox: Outbox) -> None:
    fill(outbox, range(14))
    assert sum(outbox.waiting().values()) > outbox.waiting()["us"] <= 10 * SIZE + SIZE // 2
    reports = [decode_batch(unframe(one.value).body) for one in outbox.head(HOME)]
    assert [(report.window_start_us // 10_000_000, report.losses[0].flows) for report in reports] == [(2, 1), (3, 1)]
    assert windows(outbox, HOME) == [2, 3, 4, 5]
    assert windows(outbox) == [0, 1, *range(6, 14)]
    assert outbox.waiting() == {}


def test_what_may_be_built_again_is_not_dropped(outbox: Outbox) -> None:
    fill(outbox, range(6), confirmed=False)
    fill(outbox, range(6, 14))
    assert windows(outbox, HOME) == [6, 7, 8, 9]
    assert windows(outbox) == [*range(6), *range(10, 14)]


def test_a_block_that_is_built_again_is_not_taken_twice(outbox: Outbox, path: Path) -> None:
    outbox.add(block(0), [message(0)])
    outbox.close()  # as after a kill: neither confirmed nor committed
    again = Outbox(path, 10 * SIZE, HOME)
    again.add(block(0), [message(0)])
    again.add(block(0, partition=1), [message(1)])
    assert windows(again) == [0, 1]
    again.add(block(0), [message(0)])  # sent already
    assert windows(again) == []
    again.close()


def test_regions_have_a_limit_each(outbox: Outbox) -> None:
    fill(outbox, range(9))
    (other,) = split_by_region(merge_batches([batch([17], window=3)], region=HOME), US_AND_AP)[1]
    for number in range(20, 29):
        outbox.add(block(number), [other])
        outbox.confirm(block(number))
    assert windows(outbox, HOME) == []
    assert (len(windows(outbox)), len(windows(outbox, "ap"))) == (9, 9)


def test_a_head_is_bounded_in_bytes(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(outbox, range(3))
    monkeypatch.setattr(module, "HEAD_BYTES", SIZE // 2)
    assert len(outbox.head("us")) == 1


def test_two_workers_do_not_share_one(outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_FOR_LOCK_SECONDS", 0.0)
    fill(outbox, range(1))
    with pytest.raises(WeirError, match="held by another worker: give every worker a WEIR_STATE_DIR of its own"):
        Outbox(path, 1, HOME)


def test_a_disk_that_is_full_is_waited_for(outbox: Outbox) -> None:
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    big = ForwardedBatch("us", b"n1", bytes(100_000), 1)
    with pytest.raises(Unavailable, match=r"outbox.db cannot be written \(database or disk is full\)"):
        outbox.add(block(0), [big])
    assert outbox.waiting() == {} and outbox.head("us") == []
    outbox._db.execute("PRAGMA max_page_count = 1000000")
    outbox.add(block(0), [message(0)])
    assert windows(outbox) == [0]


def test_a_damaged_file_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(WeirError, match="is damaged .*: move it away"):
        Outbox(path, 1, HOME)


def test_a_place_that_cannot_be_written_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(WeirError, match="cannot be opened .*WEIR_STATE_DIR"):
        Outbox(path, 1, HOME)


def test_what_is_added_is_on_the_disk(outbox: Outbox, path: Path) -> None:
    """As it lies there while the process lives: a copy made now holds it."""
    outbox.add(block(0), [message(0)])
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    with sqlite3.connect(copy) as db:
        assert db.execute("SELECT count(*) FROM waiting").fetchone() == (1,)
    db.close()
