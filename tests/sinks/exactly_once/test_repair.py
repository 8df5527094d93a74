"""Parts whose tokens the engine remembers and whose rows it has lost: a block that is written again makes them good."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sinks.base import Sink
from sinks.open import open_sink
from tests.sinks.engine_of import engine_of
from tests.sinks.exactly_once.test_kills import assert_written_once, writer
from tests.sinks.oracle import EDGES, newest_part
from tests.sinks.writer import nth_block, read_notes
from tests.support.clickhouse import EngineHost
from tests.support.processes import Child

BLOCKS = 3
TABLES = ("losses", "ownership_ranges", "ownership_rests", "flows", "flows_1m", "flows_5m", "flows_1h", *EDGES, "batches")
RENAMES = range(18, 26, 2)
"""Renames of one thread of the engine until it dies: the tables are there by then, and some blocks are."""


def write_all(sink: Sink) -> None:
    sink.migrate()
    for number in range(BLOCKS):
        sink.write(nth_block(number))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with all blocks, tokens included, to be copied."""
    directory = tmp_path_factory.mktemp("filled") / "data"
    with closing(open_sink(f"chdb://{directory}")) as sink:
        write_all(sink)
    return directory


@pytest.fixture
def url(filled: Path, tmp_path: Path) -> str:
    shutil.copytree(filled, tmp_path / "data", symlinks=True)
    return f"chdb://{tmp_path / 'data'}"


@pytest.mark.parametrize("table", TABLES)
def test_a_lost_part_is_put_in_again(table: str, url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The part is taken away by hand, as a kill between the engine's note and its rename leaves it."""
    sink = open_sink(url)
    lost = newest_part(sink, table)
    sink.close()
    shutil.rmtree(lost)
    sink = open_sink(url)
    for _ in range(2):
        sink.write(nth_block(BLOCKS - 1), maybe_written=True)
        assert_written_once(sink, BLOCKS)
    assert sink.query("SHOW TABLES LIKE 'again%'").num_rows == 0
    sink.close()
    assert caplog.text.count("put in") == (not table.startswith("ownership"))


def test_a_server_that_lost_a_part(tmp_path: Path) -> None:
    with EngineHost(tmp_path / "engine") as host:
        sink = open_sink(host.url)
        write_all(sink)
        lost = [newest_part(sink, table) for table in ("flows", "flows_5m")]
        host.kill()
        for part in lost:
            shutil.rmtree(part)
        host.start()
        sink.close()
        sink = open_sink(host.url)
        sink.write(nth_block(BLOCKS - 1), maybe_written=True)
        assert_written_once(sink, BLOCKS)
        sink.close()


def test_nothing_is_put_in_where_nothing_is_missing(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever was written in between, also by others; and with what a killed worker left of its own mending."""
    write_all(sink)
    sink.write(nth_block(BLOCKS))
    engine_of(sink).execute(f"CREATE TABLE weir.repair_flows_1m_{nth_block(0).identity.number:x} AS weir.flows_1m")
    for number in reversed(range(BLOCKS)):
        sink.write(nth_block(number), maybe_written=True)
    assert_written_once(sink, BLOCKS + 1)
    assert caplog.text == "" and sink.query("SHOW TABLES LIKE 'again%'").num_rows == 0


def test_a_rollup_that_cannot_be_judged_is_left_alone_and_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    sink = open_sink(url)
    before = sink.query("SELECT sum(flows) AS n FROM flows_1h")
    engine_of(sink).execute("INSERT INTO weir.flows_1h SELECT * FROM weir.flows_1h WHERE flows > 0 LIMIT 1")
    for number in range(BLOCKS):
        sink.write(nth_block(number), maybe_written=True)
    assert sink.query("SELECT sum(flows) AS n FROM flows_1h").column("n")[0].as_py() == before.column("n")[0].as_py() + 1
    assert "weir recompute" in caplog.text and "put in" not in caplog.text
    sink.close()


def test_killed_between_the_note_and_the_rename(tmp_path: Path) -> None:
    """The fault itself: SIGKILL at the entry of a system call, as often as there are parts in a block."""
    strace = shutil.which("strace")
    assert strace, "strace is missing: apt-get install strace"
    holes = 0
    for nth in RENAMES:
        place = tmp_path / str(nth)
        place.mkdir()
        url, notes = f"chdb://{place / 'data'}", place / "notes"
        kill = [strace, "-f", "-o", "/dev/null", "-e", "trace=rename", "-e", f"inject=rename:signal=SIGKILL:when={nth}"]
        with Child([*kill, sys.executable, "-m", "tests.sinks.writer", url, str(notes), "1000"]) as dying:
            dying.wait(60, status=-signal.SIGKILL)
        _, begun = read_notes(notes)
        with writer(url, notes, begun + 2) as child:
            child.wait(60)
        holes += len(re.findall("put in", child.stderr))
        sink = open_sink(url)
        assert_written_once(sink, begun + 2)
        sink.close()
    assert holes > len(RENAMES) // 2
