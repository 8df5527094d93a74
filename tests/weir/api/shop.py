"""A small shop in real tables: what a team of payments may see, and what it may not, which is marked in every name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from schemas.errors import Unavailable
from sinks.engines.base import Engine, Settings
from sinks.open import open_engine, open_sink

MARK = "zzforeign"
WINDOWS = 12
"""Of ten seconds, up to the present one."""


@dataclass(frozen=True)
class Edge:
    node: str
    client: str
    server: str
    port: int
    kilobytes: int
    refused: int = 0
    reason: str = ""
    domain: str = ""
    service: str = ""
    zone: str = "eu-1a"
    protocol: str = "tcp"


EDGES = (
    Edge("n1", "web", "pay-api", 8443, 10),
    Edge("n1", "pay-api", "pay-db", 5432, 30, 3),
    Edge("n2", "pay-api", "", 443, 8, 0, "external", "cards.example", zone="eu-1b"),
    Edge(f"{MARK}-n3", f"{MARK}/web", f"{MARK}/db", 5432, 77, 2, service=f"{MARK}/svc", zone=f"{MARK}-zone"),
    Edge(f"{MARK}-n3", f"{MARK}-reports", "", 443, 5, 0, "gap", f"{MARK}.example", zone=f"{MARK}-zone", protocol="udp"),
)


class Watched:
    """An engine that counts what it is asked, and can be away."""

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        self.asked: list[str] = []
        self.is_away = False

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        raise AssertionError(f"asked as a person would: {sql}")

    def ask(self, sql: str) -> pa.Table:
        if self.is_away:
            raise Unavailable("The tables of the test are away: wait.")
        self.asked.append(sql)
        return self._engine.ask(sql)

    def execute(self, sql: str) -> None:
        self._engine.execute(sql)

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        self._engine.insert(table, rows, settings)

    def close(self) -> None:
        self._engine.close()


def fill(directory: Path) -> None:
    url = f"chdb://{directory}"
    sink = open_sink(url)
    sink.migrate()
    sink.close()
    engine = open_engine(url)
    try:
        start_s = int(time.time()) // 10 * 10 - 10 * WINDOWS
        write(engine, start_s, WINDOWS)
        owners(engine, start_s)
    finally:
        engine.close()


@contextmanager
def opened(directory: Path) -> Iterator[Watched]:
    """The shop's tables, filled here where they are not yet."""
    if not directory.exists():
        fill(directory)
    engine = Watched(open_engine(f"chdb://{directory}"))
    try:
        yield engine
    finally:
        engine.close()


def write(engine: Engine, start_s: int, windows: int, offset: int = 1) -> None:
    """As a sink does, the ledger last."""
    for at, edge in enumerate(EDGES):
        engine.execute(_flows(at, edge, start_s, windows, offset))
    starts = f"toDateTime({start_s} + 10 * number, 'UTC')"
    for node in sorted({edge.node for edge in EDGES}):
        engine.execute(
            "INSERT INTO weir.losses (window_start, node_id, epoch, stage, reason, flows, packets, bytes) "  # noqa: S608
            f"SELECT {starts}, '{node}', 1, 'agent', 'map_full', 1, 2, 3 FROM numbers({windows})"
        )
        engine.execute(
            "INSERT INTO weir.node_sightings (node_id, agent_version, first_seen, last_seen) "  # noqa: S608
            f"SELECT '{node}', '1.0', toDateTime64({start_s}, 6), toDateTime64({start_s + 10 * windows}, 6)"
        )
        reported = windows if MARK not in node else 1  # silent since
        engine.execute(
            "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608
            f"SELECT '{node}', 1, {starts}, 10, 0, 1 FROM numbers({reported})"
        )


def _flows(at: int, edge: Edge, start_s: int, windows: int, offset: int) -> str:
    columns = {
        "window_start": f"toDateTime({start_s} + 10 * number, 'UTC')",
        "window_seconds": "10",
        "first_seen": f"toDateTime({start_s} + 10 * number, 'UTC')",
        "last_seen": f"toDateTime({start_s} + 10 * number + 9, 'UTC')",
        "region": "'eu'",
        "network": "'default'",
        "node_id": f"'{edge.node}'",
        "epoch": "1",
        "protocol": f"'{edge.protocol}'",
        "role": "'client'",
        "local_ip": f"toIPv6('10.0.0.{at}')",
        "remote_ip": f"toIPv6('10.0.1.{at}')",
        "service_port": str(edge.port),
        "local_workload": f"'{edge.client}'",
        "remote_workload": f"'{edge.server}'",
        "remote_source": "'heartbeat'" if edge.server else "'none'",
        "remote_reason": f"'{edge.reason}'",
        "canonical": "1",
        "bytes_sent": f"{edge.kilobytes} * 1000 + number",
        "bytes_received": f"{edge.kilobytes} * 3000",
        "connections_opened": "5",
        "connections_failed": str(edge.refused),
        "connections_refused": str(edge.refused),
        "rtt_us_sum": "5000",
        "rtt_us_max": "5000",
        "rtt_count": "1",
        "rtt_histogram": "[0, 0, 1]",
        "remote_domain": f"'{edge.domain}'",
        "registrable_domain": f"'{edge.domain}'",
        "remote_service": f"'{edge.service}'",
        "local_zone": f"'{edge.zone}'",
        "remote_zone": f"'{edge.zone}'",
        "first_offset": str(offset),
    }
    return f"INSERT INTO weir.flows ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM numbers({windows})"  # noqa: S608


def owners(engine: Engine, start_s: int) -> None:
    """Of each server's address: its owner, and a foreign one before."""
    for at, edge in enumerate(EDGES):
        before = (f"{MARK}/before", start_s - 4_000, start_s - 3_000, f"{MARK}-n4")
        now = (edge.server or f"{MARK}/late", start_s - 100, start_s + 900, edge.node if edge.server else f"{MARK}-n4")
        for owner, start, end, node in (before, now):
            engine.execute(
                "INSERT INTO weir.ownership_ranges (network, ip, port, protocol, workload, source, start, `end`, node_id) "  # noqa: S608
                f"SELECT 'default', toIPv6('10.0.1.{at}'), 0, '', '{owner}', 'heartbeat', toDateTime64({start}, 6), "
                f"toDateTime64({end}, 6), '{node}'"
            )
