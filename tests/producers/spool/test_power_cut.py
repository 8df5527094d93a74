"""Power cuts under an agent: what `Spool.add` and `Journal.write` have returned for is on the disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.spool.journal import Journal
from producers.spool.spool import Spool
from tests.producers.spool.test_spool import LIMIT, segment
from tests.support.power import ForgetfulDisk
from tests.support.processes import Child

PROGRAM = """
import sys, time
from pathlib import Path
from producers.spool.journal import Journal, State
from producers.spool.spool import Spool
from tests.producers.spool.test_spool import LIMIT, segment
spool, journal = Spool(Path(sys.argv[1]) / "spool", LIMIT), Journal(Path(sys.argv[1]) / "journal")
for seq in range(3):
    spool.add(segment(seq))
    journal.write(State(epoch=7, boot_id="b", next_seq=seq))
print("done", flush=True)
time.sleep(600)
"""


@pytest.fixture
def after_the_cut(tmp_path: Path) -> Iterator[Path]:
    with ForgetfulDisk(tmp_path / "disk") as disk:
        with Child([sys.executable, "-c", PROGRAM, disk.path]) as child:
            child.line("done")
            child.kill()
        disk.cut()
        yield disk.path


def test_windows_and_the_journal_are_there(after_the_cut: Path) -> None:
    spool = Spool(after_the_cut / "spool", LIMIT)
    assert spool.torn == () and [spool.load(seq) for seq in spool.sendable()] == [segment(seq) for seq in range(3)]
    journal = Journal(after_the_cut / "journal")
    state = journal.read()
    journal.close()
    assert state is not None and (state.epoch, state.next_seq) == (7, 2)
