"""What the tables cost: an insert with and without rollups, and the question of a day over the coarsest of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from schemas.records.tables import Block, BlockIdentity
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.migrate import migrate
from streams.blocks.build import build_block
from streams.dedup.state import DedupState
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_heartbeats
from tests.bench.worker.fleet import FLOWS_EACH, SECOND_US, Fleet
from tests.integration.made_recording import half_an_hour_ago_us

NODES, PARTITIONS = range(128), 8
WINDOWS = 6
EDGE_VIEWS = ("edges_5m_feed", "edges_1h_feed", "edges_1d_feed")
VIEWS = ("flows_1m_feed", "flows_5m_feed", "flows_1h_feed", *EDGE_VIEWS)
DAY_HOURS = 24
TOP_PAIRS = """SELECT local_workload, remote_workload, sum(bytes_sent + bytes_received) AS bytes
FROM weir.flows_1h
WHERE canonical AND window_start >= toDateTime('2026-01-01 00:00:00', 'UTC') AND window_start < toDateTime('2026-01-02 00:00:00', 'UTC')
GROUP BY local_workload, remote_workload ORDER BY bytes DESC LIMIT 20"""
_QUIET_SECONDS = 1.0


@dataclass(frozen=True)
class Insert:
    """CPU of the process a flow in us, merges included: raw table alone, with its three rollups, and with the three tables of edges too."""

    block_flows: int
    raw: float
    without_edges: float
    with_rollups: float


@dataclass(frozen=True)
class Query:
    """Milliseconds that the day's top pairs take, by the clock: `rows` are in the hour table, `raw_flows` stand behind them."""

    rows: int
    raw_flows: int
    milliseconds: float


def inserts(block_sizes: Sequence[int]) -> list[Insert]:
    """The same flows in blocks of these sizes."""
    found = []
    for size in block_sizes:
        blocks = made_blocks(size)
        found.append(Insert(size, _cost(blocks, VIEWS), _cost(blocks, EDGE_VIEWS), _cost(blocks)))
    return found


def day_query(services: int = 2_000, partners: int = 10, nodes_a_pair: int = 6) -> Query:
    """A day of hours in `flows_1h`: each of `services` with so many partners, seen on so many nodes; each row a sum of 360 windows. Asked
    once merges have ended: the day is over.
    """
    pairs = services * partners * nodes_a_pair
    with tempfile.TemporaryDirectory() as folder:
        engine = opened_engine(Path(folder))
        try:
            migrate(engine)
            for hour in range(DAY_HOURS):
                engine.execute(
                    "INSERT INTO weir.flows_1h (window_start, region, network, node_id, protocol, role, service_port, local_workload, "  # noqa: S608
                    "remote_workload, remote_source, canonical, flows, bytes_sent, bytes_received) "
                    f"SELECT toDateTime('2026-01-01 00:00:00', 'UTC') + {hour} * 3600, 'default', 'default', "
                    f"concat('node-', toString((number * 7 + intDiv(number, {services * partners}) * 50) % 1000)), 'tcp', 'client', 443, "
                    f"concat('service-', toString(number % {services})), "
                    f"concat('service-', toString((number % {services} * 7 + intDiv(number, {services}) % {partners} * 13) % {services})), "
                    f"'heartbeat', true, 360, cityHash64(number, {hour}) % 1000000, cityHash64(number, 1) % 1000000 FROM numbers({pairs})"
                )
            rows = int(engine.query("SELECT count() FROM weir.flows_1h").column(0)[0].as_py())
            when_quiet()
            engine.query(TOP_PAIRS)
            times = [_seconds(engine) for _ in range(5)]
        finally:
            engine.close()
    return Query(rows, rows * 360, 1_000 * median(times))


def _seconds(engine: Engine) -> float:
    begun = time.monotonic()
    assert engine.query(TOP_PAIRS).num_rows == 20
    return time.monotonic() - begun


def made_blocks(size: int, windows: int = WINDOWS) -> list[Block]:
    """As a worker that is behind cuts them: each of one partition, and as many windows as go into a block, the partitions in turn."""
    fleet = Fleet(half_an_hour_ago_us() - 600 * SECOND_US, windows)
    known = OwnershipMap(gap_us=60 * SECOND_US, skew_us=250_000)
    known.learn(from_heartbeats(list(fleet.introductions(NODES))))
    each, dedup = size // FLOWS_EACH, DedupState(horizon_us=3_600 * SECOND_US)
    nodes = len(NODES) // PARTITIONS
    lanes = [list(fleet.messages(NODES[nodes * p : nodes * (p + 1)], range(windows), FLOWS_EACH)) for p in range(PARTITIONS)]
    blocks = []
    for first in range(0, len(lanes[0]), each):
        for partition, lane in enumerate(lanes):
            some = lane[first : first + each]
            known.learn(from_heartbeats(some))
            identity = BlockIdentity("weir.flows", partition, first, first + len(some) - 1, "bench")
            built = build_block(identity, range(first, first + len(some)), some, dedup, partial(nullcontext, known), region="default")
            blocks.append(built.block)
    return blocks


def _cost(blocks: Sequence[Block], without: Sequence[str] = ()) -> float:
    with tempfile.TemporaryDirectory() as folder:
        engine = opened_engine(Path(folder))
        try:
            migrate(engine)
            for view in without:
                engine.execute(f"DROP VIEW weir.{view}")
            sink, begun = ClickHouseSink(engine), time.process_time()
            for block in blocks:
                sink.write(block)
            used = when_quiet() - begun
        finally:
            engine.close()
    return 1e6 * used / sum(block.flows.num_rows for block in blocks)


def when_quiet() -> float:
    """The process's CPU time once the merges that were set off have ended."""
    while True:
        before = time.process_time()
        time.sleep(_QUIET_SECONDS)
        if time.process_time() - before < 0.03:
            return before


def opened_engine(folder: Path) -> Engine:
    from sinks.engines.chdb import ChdbEngine

    return ChdbEngine(folder)
