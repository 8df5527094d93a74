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
    opened: int = 5


EDGES = (
    Edge("n1", "web", "pay-api", 8443, 10, opened=5_000),
    Edge("n1", "pay-api", "pay-db", 5432, 30, 3),
    Edge("n2", "pay-api", "", 443, 8, 0, "external", "cards.example", zone="eu-1b"),
    Edge(f"{MARK}-n3", f"{MARK}/web", f"{MARK}/db", 5432, 77, 2, service=f"{MARK}/svc", zone=f"{MARK}-zone"),
    Edge(f"{MARK}-n3", f"{MARK}-reports", "", 443, 5, 0, "gap", f"{MARK}.example", zone=f"{MARK}-zone", protocol="udp"),
    Edge("n1", "web", "pay-api", 9001, 0, 1, opened=0),  # dead, beside a busy one
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
        findings(engine, start_s)
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
    engine.execute(_insert("flows", [_flow(at, edge, start_s, offset) for at, edge in enumerate(EDGES)], windows))
    start = f"toDateTime({start_s} + 10 * number, 'UTC')"
    nodes = sorted({edge.node for edge in EDGES})
    lost = {"epoch": "1", "stage": "'agent'", "reason": "'map_full'", "flows": "1", "packets": "2", "bytes": "3"}
    engine.execute(_insert("losses", [{"window_start": start, "node_id": f"'{node}'", **lost} for node in nodes], windows))
    seen = {
        "agent_version": "'1.0'",
        "first_seen": f"toDateTime64({start_s}, 6)",
        "last_seen": f"toDateTime64({start_s + 10 * windows}, 6)",
    }
    engine.execute(_insert("node_sightings", [{"node_id": f"'{node}'", **seen} for node in nodes], 1))
    batch = {"epoch": "1", "window_start": start, "window_seconds": "10", "batch_index": "0", "batch_count": "1"}
    if windows > 1:  # the foreign node is silent since its first window
        engine.execute(_insert("batches", [{"node_id": f"'{node}'", **batch} for node in nodes if MARK in node], 1))
    engine.execute(_insert("batches", [{"node_id": f"'{node}'", **batch} for node in nodes if MARK not in node], windows))


def _insert(table: str, rows: list[dict[str, str]], times: int) -> str:
    """`rows`: SQL by column, over `number` from 0 to `times`."""
    each = " UNION ALL ".join(f"SELECT {', '.join(row.values())} FROM numbers({times})" for row in rows)  # noqa: S608
    return f"INSERT INTO weir.{table} ({', '.join(rows[0])}) {each}"  # noqa: S608


def _flow(at: int, edge: Edge, start_s: int, offset: int) -> dict[str, str]:
    return {
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
        "connections_opened": str(edge.opened),
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


def owners(engine: Engine, start_s: int) -> None:
    """Of each server's address: its owner, and a foreign one before."""
    rows = []
    for at, edge in enumerate(EDGES):
        before = (f"{MARK}/before", start_s - 4_000, start_s - 3_000, f"{MARK}-n4")
        now = (edge.server or f"{MARK}/late", start_s - 100, start_s + 900, edge.node if edge.server else f"{MARK}-n4")
        for owner, start, end, node in (before, now):
            told = {"network": "'default'", "ip": f"toIPv6('10.0.1.{at}')", "port": "0", "protocol": "''", "workload": f"'{owner}'"}
            span = {"start": f"toDateTime64({start}, 6)", "`end`": f"toDateTime64({end}, 6)"}
            rows.append({**told, **span, "source": "'heartbeat'", "node_id": f"'{node}'"})
    engine.execute(_insert("ownership_ranges", rows, 1))


def findings(engine: Engine, start_s: int) -> None:
    """Of the team's own: one that is open, in two versions, and one that is closed, whose evidence names others. And two of others."""
    foreign = f'{{"tried":12,"share":0.5,"servers":["{MARK}/db"],"sentence":"pay-api tries 12 servers, {MARK}/db among them."}}'
    own = ("pay-api", "pay-db", "5432")
    told = (
        ("f1", "failure", *own, "open", "warning", 0, 1, "{}"),
        ("f1", "failure", *own, "open", "critical", 0, 2, '{"refused":3}'),
        ("f2", "scan", "pay-api", "", "0", "closed", "warning", 10, 3, foreign),
        ("f3", "failure", f"{MARK}/web", f"{MARK}/db", "5432", "open", "critical", 20, 4, "{}"),
        ("f4", "storm", "", "", "0", "open", "warning", 30, 5, "{}"),
    )
    names = ("id", "kind", "subject", "peer", "service_port", "state", "severity")
    rows = []
    for *texts, offset_s, version, evidence in told:
        first_s = start_s + int(offset_s)
        row = {name: f"'{text}'" for name, text in zip(names, texts, strict=True)}
        times = {"first_seen": f"toDateTime64({first_s}, 6)", "last_seen": f"toDateTime64({first_s + 60}, 6)"}
        last = {"count": f"{version}", "evidence": f"'{evidence}'", "withheld": "''", "version": f"{version}"}
        rows.append({**row, "service_port": f"{texts[4]}", "network": "'default'", **times, **last})
    engine.execute(_insert("findings", rows, 1))
