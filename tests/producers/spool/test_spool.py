"""The spool keeps order and bounds, and every window that it lets go is a loss that travels."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from producers.spool import atomic_write as durable
from producers.spool.segment import Record, Segment, make_segment, pack
from producers.spool.spool import BLOCK_BYTES, HEAD_SEGMENTS, Spool
from schemas.records.flow_batch import Loss

LIMIT = 80 * BLOCK_BYTES


def segment(seq: int, size: int = 1_000, losses: tuple[Loss, ...] = (), replaces: tuple[int, ...] = ()) -> Segment:
    return make_segment(seq * 10, (Record(seq, 2, 3, 100, bytes(size)),), losses, replaces)


def fill(spool: Spool, seqs: range) -> list[Loss]:
    dropped: list[Loss] = []
    for seq in seqs:
        room = spool.room_for(len(pack(segment(seq))))
        dropped += room.losses
        dropped += spool.add(segment(seq, losses=room.losses, replaces=room.replaces))
    return dropped


def used(directory: Path) -> int:
    return sum(-(-path.stat().st_size // BLOCK_BYTES) * BLOCK_BYTES for path in directory.iterdir())


def test_windows_leave_in_order_and_only_when_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    fill(spool, range(3))
    assert spool.sendable() == (0, 1, 2)
    assert spool.load(1) == segment(1)
    spool.remove(0)
    assert Spool(tmp_path, LIMIT).sendable() == (1, 2)
    assert Spool(tmp_path, LIMIT).next_seq == 3


def test_disk_use_stays_within_the_limit_and_the_oldest_unsent_go(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    for seq in range(200):
        fill(spool, range(seq, seq + 1))
        assert used(tmp_path) <= LIMIT
    head = spool.sendable()
    assert head == tuple(range(len(head)))
    left = sorted(int(path.name.partition("-")[0]) for path in tmp_path.iterdir())
    assert left[-1] == 199
    assert left == [*head, *range(left[len(head)], 200)]


def test_a_windows_loss_is_taken_over_by_each_that_takes_its_place(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    fill(spool, range(200))
    kept = [spool.head_of(seq) for seq in range(200)]
    carried = {loss for head in kept if head for loss in head.losses}
    gone = [seq for seq in range(200) if kept[seq] is None]
    assert {(loss.id, loss.window_start_us, loss.packets) for loss in carried} == {(seq, seq * 10, 3) for seq in gone}
    assert spool.given_up.totals()["full"] == (2 * len(gone), 3 * len(gone), 100 * len(gone))


def test_the_head_is_never_dropped_for_kafka_may_have_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    fill(spool, range(100))
    assert len(spool.sendable()) == HEAD_SEGMENTS
    assert spool.sendable() == tuple(range(HEAD_SEGMENTS))


def test_a_window_too_large_for_the_whole_spool_is_refused_beforehand(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    assert not spool.room_for(LIMIT + 1).enough
    assert spool.room_for(LIMIT - BLOCK_BYTES).enough


def test_a_crash_between_a_rename_and_its_removals_is_finished_at_the_next_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    fill(spool, range(3))
    spool.add(segment(3))
    (tmp_path / "copy").write_bytes(next(tmp_path.glob("*1-10.seg")).read_bytes())
    spool.add(segment(4, replaces=(1,)))
    (tmp_path / "copy").rename(tmp_path / f"{1:020d}-10.seg")
    assert Spool(tmp_path, LIMIT).sendable() == (0, 2, 3, 4)
    assert not list(tmp_path.glob("*1-10.seg"))


@pytest.mark.parametrize("cut", [0, 5, 60, 250, 700])
def test_a_torn_file_costs_its_tail_and_says_so(tmp_path: Path, cut: int) -> None:
    two = make_segment(70, (Record(7, 1, 2, 3, bytes(200)), Record(8, 10, 20, 30, bytes(300))))
    Spool(tmp_path, LIMIT).add(two)
    (path,) = tmp_path.glob("*.seg")
    path.write_bytes(path.read_bytes()[:cut])
    spool = Spool(tmp_path, LIMIT)
    (loss,) = spool.torn
    assert (loss.stage, loss.reason, loss.window_start_us, loss.id) == ("spool", "torn", 70, 7)
    assert spool.given_up.totals()["torn"] == (loss.flows, loss.packets, loss.bytes)
    held = sum(r.flows for seq in spool.sendable() for r in (spool.load(seq) or two).records)
    assert loss.flows in (0, 11 - held)
    spool.repair()
    again = Spool(tmp_path, LIMIT)
    assert again.torn == ()
    assert again.sendable() == spool.sendable()


def test_half_written_files_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".x.seg.part").write_bytes(b"half")
    Spool(tmp_path, LIMIT)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A switch: [True] makes every write fail as a full disk does."""
    state, real = [True], durable.write_file

    def write_file(path: Path, data: bytes) -> None:
        if state[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, data)

    monkeypatch.setattr("producers.spool.spool.write_file", write_file)
    return state


def test_a_full_disk_makes_windows_wait_in_memory_until_it_has_room(tmp_path: Path, broken_disk: list[bool]) -> None:
    spool = Spool(tmp_path, LIMIT)
    assert fill(spool, range(5)) == []
    assert spool.at_risk() == ((10, 15, 500), 0)
    assert spool.sendable() == (0, 1, 2, 3, 4)
    broken_disk[0] = False
    fill(spool, range(5, 6))
    assert spool.at_risk()[0] == (0, 0, 0)
    assert Spool(tmp_path, LIMIT).sendable() == (0, 1, 2, 3, 4, 5)


def test_memory_is_bounded_too_and_what_it_lets_go_is_counted(tmp_path: Path, broken_disk: list[bool]) -> None:
    spool = Spool(tmp_path, LIMIT, memory_bytes=20 * BLOCK_BYTES)
    dropped = fill(spool, range(50))
    assert len(spool) == 20
    assert {(loss.reason, loss.id) for loss in dropped} == {("memory_full", seq) for seq in range(HEAD_SEGMENTS, 46)}
    assert spool.given_up.totals()["memory_full"] == (2 * 30, 3 * 30, 100 * 30)
    assert (spool.memory_bytes, spool.disk_bytes) == (20 * BLOCK_BYTES, 0)
