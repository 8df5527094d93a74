"""What an agent saw last is there for its successor, and only what can be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.identity.holdings import Holding
from producers.identity.last_snapshot import Snapshot, SnapshotFile
from tests.producers.fakes import MAPPED

HELD = frozenset({Holding(MAPPED + bytes([10, 0, 0, 1]), 'a "b"\u20ac'), Holding(bytes(range(16)), "web", 443, 6)})
AT_US = 1_700_000_000_123_457


def test_a_successor_reads_the_last_look(tmp_path: Path) -> None:
    book = SnapshotFile(tmp_path / "look", "boot")
    assert book.read() is None
    book.keep(Snapshot(frozenset(), AT_US - 5))
    book.keep(Snapshot(HELD, AT_US))
    assert SnapshotFile(tmp_path / "look", "boot").read() == Snapshot(HELD, AT_US)


def test_a_look_that_found_nothing_new_moves_the_instant_only(tmp_path: Path) -> None:
    book = SnapshotFile(tmp_path / "look", "boot")
    book.keep(Snapshot(HELD, AT_US))
    inode = (tmp_path / "look").stat().st_ino
    book.keep(Snapshot(HELD, AT_US + 7))
    assert (tmp_path / "look").stat().st_ino == inode
    assert SnapshotFile(tmp_path / "look", "boot").read() == Snapshot(HELD, AT_US + 7)


def test_another_boots_look_is_forgotten(tmp_path: Path) -> None:
    SnapshotFile(tmp_path / "look", "boot").keep(Snapshot(HELD, AT_US))
    assert SnapshotFile(tmp_path / "look", "next").read() is None


SPOILT = ("", "{", "[]", '{"boot_id":"boot"}', '{"boot_id":"boot","held":[["zz","a",0,0]]}', '{"boot_id":"boot","held":[1]}')


@pytest.mark.parametrize("text", SPOILT)
def test_a_spoilt_file_is_no_look(tmp_path: Path, text: str) -> None:
    (tmp_path / "look").write_text(text)
    assert SnapshotFile(tmp_path / "look", "boot").read() is None


def test_a_disk_that_refuses_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = SnapshotFile(tmp_path / "missing" / "look", "boot")
    for _ in range(3):
        book.keep(Snapshot(HELD, AT_US))
    assert len(caplog.records) == 1
    (tmp_path / "missing").mkdir()
    book.keep(Snapshot(HELD, AT_US))
    assert book.read() == Snapshot(HELD, AT_US)
