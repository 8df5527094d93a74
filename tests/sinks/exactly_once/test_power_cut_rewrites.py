"""Power cuts after merges and mutations: the parts that they make replace parts that were synced, and are as durable as those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from sinks.base import Sink
from sinks.open import open_sink
from tests.sinks.exactly_once.rewrites import SPAN, made_anew
from tests.sinks.exactly_once.test_kills import assert_written_once
from tests.sinks.exactly_once.test_power_cut import BLOCKS, run
from tests.sinks.oracle import COARSE, assert_rollups_follow, totals
from tests.sinks.writer import nth_block
from tests.support.clickhouse import EngineHost
from tests.support.power import ForgetfulDisk

FILL = f"for number in range({BLOCKS}): sink.write(nth_block(number))"
MERGE = "rewrites.merge(sink)"
REMOVE = "rewrites.remove_span(sink)"
SWEEP = "rewrites.remove_replaced(sink)"
ONE_MORE = f"sink.write(nth_block({BLOCKS}))"
"""Syncs a part, and with it the file system's journal: what was removed before stays removed."""
DONE = "recomputations.note(engine_of(sink), rewrites.SPAN, 'done')"


class Powered:
    """An engine on a disk that loses power with it."""

    def __init__(self, disk: ForgetfulDisk, is_server: bool) -> None:
        self._disk = disk
        self._host = EngineHost(disk.path / "engine") if is_server else None
        if self._host:
            self._host.start()
        self.url = self._host.url if self._host else f"chdb://{disk.path / 'data'}"

    def run_and_cut(self, *statements: str) -> None:
        run(self.url, "\n".join(statements))
        self.kill()
        self._disk.cut()
        if self._host:
            self._host.start()

    def kill(self) -> None:
        if self._host:
            self._host.kill()


@pytest.fixture
def powered(request: pytest.FixtureRequest, disk: ForgetfulDisk) -> Iterator[Powered]:
    """The parameter: "chdb" or "server"."""
    made = Powered(disk, request.param == "server")
    yield made
    made.kill()


def shape(name: str) -> str:
    return f"rewrites.shape(sink, '{name}')"


def assert_nothing_is_broken(sink: Sink) -> None:
    """The engine puts parts aside that it cannot read, and goes on without them."""
    assert sink.query("SELECT `table`, name, reason FROM system.detached_parts WHERE database = 'weir'").to_pylist() == []


@pytest.mark.parametrize(("powered", "parts"), [("chdb", "compact"), ("chdb", "wide"), ("server", "wide")], indirect=["powered"])
def test_merged_parts_whose_sources_are_gone(powered: Powered, parts: str) -> None:
    powered.run_and_cut(shape(parts), FILL, MERGE, SWEEP, ONE_MORE)
    with closing(open_sink(powered.url)) as sink:
        assert_nothing_is_broken(sink)
        assert_written_once(sink, BLOCKS + 1)


@pytest.mark.parametrize("powered", ["chdb"], indirect=True)
def test_merged_parts_beside_their_sources(powered: Powered) -> None:
    powered.run_and_cut(shape("compact"), FILL, MERGE)
    with closing(open_sink(powered.url)) as sink:
        assert_nothing_is_broken(sink)
        assert_written_once(sink, BLOCKS)


@pytest.mark.parametrize(
    ("powered", "parts", "sweep"),
    [("chdb", "compact", "pass"), ("chdb", "wide", SWEEP), ("server", "compact", SWEEP)],
    ids=["chdb-kept", "chdb-wide-gone", "server-gone"],
    indirect=["powered"],
)
def test_a_recomputation(powered: Powered, parts: str, sweep: str) -> None:
    """What it left is there, what it took out stays out, and what workers make anew comes once."""
    powered.run_and_cut(shape(parts), FILL, REMOVE, sweep, DONE)
    with closing(open_sink(powered.url)) as sink:
        assert_nothing_is_broken(sink)
        anew = [made_anew(number) for number in range(BLOCKS)]
        left = sum(nth_block(number).flows.num_rows - block.flows.num_rows for number, block in enumerate(anew))
        assert 0 < left == totals(sink, "flows")["n"]
        assert {totals(sink, table)["n"] for table in COARSE} == {left}
        assert_rollups_follow(sink)
        assert sink.edition("weir.flows", "an-id", 0).number == SPAN.number
        for block in anew:
            sink.write(block)
        assert_written_once(sink, BLOCKS)
