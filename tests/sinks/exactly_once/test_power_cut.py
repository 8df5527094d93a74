"""Power cuts under an engine: what a write returned for is there afterwards, rollups included, and a repeat adds nothing."""

from __future__ import annotations

import random
import shutil
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sinks.open import open_sink
from tests.sinks.exactly_once.test_kills import FOR_EVER, assert_written_once, writer
from tests.sinks.oracle import newest_part
from tests.sinks.writer import COMMIT_EVERY, nth_block, read_notes
from tests.support.clickhouse import EngineHost
from tests.support.power import ForgetfulDisk
from tests.support.processes import Child

CUTS = 4
BLOCKS = 3


def test_the_disk_forgets_what_was_not_synced(disk: ForgetfulDisk) -> None:
    """Or the other tests here show nothing."""
    program = (
        "import os, sys; f = open(sys.argv[1], 'w'); f.write('x'); f.flush(); os.fsync(f.fileno()) if sys.argv[2] else None; print('done')"
    )
    for name, synced in (("synced", "1"), ("unsynced", "")):
        with Child([sys.executable, "-c", program, disk.path / name, synced]) as child:
            child.wait()
    disk.cut()
    assert [path.name for path in disk.path.iterdir() if path.name != "lost+found"] == ["synced"]


def get_on(child: Child, notes: Path, chance: random.Random) -> None:
    goal = read_notes(notes)[0] + COMMIT_EVERY + chance.randint(0, COMMIT_EVERY)
    child.until(lambda: read_notes(notes)[1] >= goal, 60, "the writer to get on")
    time.sleep(chance.uniform(0, 0.2))  # the instant of the cut, not a wait for anything


def test_a_process_with_chdb(disk: ForgetfulDisk, tmp_path: Path) -> None:
    url, notes, chance = f"chdb://{disk.path / 'data'}", tmp_path / "notes", random.Random(3)
    for _ in range(CUTS):
        with writer(url, notes, FOR_EVER) as child:
            child.line("ready")
            get_on(child, notes, chance)
            child.kill()
        disk.cut()
    committed, begun = read_notes(notes)
    assert begun >= committed > CUTS
    with writer(url, notes, begun + 1) as child:
        child.wait(60)
    with closing(open_sink(url)) as sink:
        assert_written_once(sink, begun + 1)


def test_a_server(disk: ForgetfulDisk, tmp_path: Path) -> None:
    """The worker's machine has power all the while."""
    notes, chance = tmp_path / "notes", random.Random(4)
    host = EngineHost(disk.path / "engine")
    host.start()
    try:
        with writer(host.url, notes, FOR_EVER) as child:
            child.line("ready")
            for _ in range(CUTS):
                get_on(child, notes, chance)
                host.kill()
                disk.cut()
                host.start()
            child.kill()
        _, begun = read_notes(notes)
        with writer(host.url, notes, begun + 1) as child:
            child.wait(60)
        with closing(open_sink(host.url)) as sink:
            assert_written_once(sink, begun + 1)
    finally:
        host.kill()


@pytest.mark.parametrize("table", ["flows", "flows_1h", "batches"])
def test_what_was_put_in_is_as_durable(table: str, disk: ForgetfulDisk) -> None:
    """A part that a killed engine only noted, made good by the next worker, and the power goes."""
    url = f"chdb://{disk.path / 'data'}"
    run(url, f"for number in range({BLOCKS}): sink.write(nth_block(number))")
    with closing(open_sink(url)) as sink:
        lost = newest_part(sink, table)
    shutil.rmtree(lost)
    run(url, f"sink.write(nth_block({BLOCKS - 1}), maybe_written=True)")
    disk.cut()
    with closing(open_sink(url)) as sink:
        assert_written_once(sink, BLOCKS)


def test_the_tables_and_the_ledger_of_migrations(disk: ForgetfulDisk, tmp_path: Path) -> None:
    shapes = "SELECT name, create_table_query FROM system.tables WHERE database = 'weir' ORDER BY name"
    url = f"chdb://{disk.path / 'data'}"
    run(url, "pass")
    disk.cut()
    tables = []
    for one in (url, f"chdb://{tmp_path / 'elsewhere'}"):
        with closing(open_sink(one)) as sink:
            assert (sink.pending() == ()) is (one == url)
            sink.migrate()
            tables.append(sink.query(shapes).to_pylist())
    assert tables[0] == tables[1]


def run(url: str, statement: str) -> None:
    """In a process that is killed when it has done it: nothing is synced by an orderly end."""
    program = f"""
import time
from sinks.exactly_once import recomputations
from sinks.open import open_sink
from tests.sinks.engine_of import engine_of
from tests.sinks.exactly_once import rewrites
from tests.sinks.writer import nth_block
sink = open_sink({url!r})
sink.migrate()
{statement}
print("done", flush=True)
time.sleep(600)
"""
    with Child([sys.executable, "-c", program]) as child:
        child.line("^done", 60)
        child.kill()


def test_a_block_whose_token_is_forgotten_is_not_doubled(disk: ForgetfulDisk) -> None:
    url = f"chdb://{disk.path / 'data'}"
    run(url, "[sink.write(nth_block(number)) for number in range(3)]")
    disk.cut()
    with closing(open_sink(url)) as sink:
        for _ in range(2):
            for number in range(BLOCKS):
                sink.write(nth_block(number), maybe_written=True)
            assert_written_once(sink, BLOCKS)
