"""Tables in which little happens, all of it known: who had what, which windows came, and what connections did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sinks.engines.base import Engine

START_S = 1_767_258_000
"""2026-01-01 09:00:00 UTC."""
WINDOW_S = 10


def windows(engine: Engine, node: str, numbers: Iterable[int], epoch: int = 1, batches: int = 1, come: int = 1) -> None:
    """Windows of ten seconds by their number from START_S on, of which `come` of `batches` batches are there."""
    starts = ", ".join(str(START_S + WINDOW_S * number) for number in numbers)
    engine.execute(
        "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608 - the test's own
        f"SELECT '{node}', {epoch}, toDateTime(at, 'UTC'), {WINDOW_S}, one, {batches} "
        f"FROM (SELECT arrayJoin([{starts}]) AS at, arrayJoin(range({come})) AS one)"
    )


def holds(engine: Engine, node: str, workload: str, first: int, until: int, ip: str) -> None:
    """From the start of a window to that of another."""
    span = ", ".join(f"toDateTime64({START_S + WINDOW_S * number}, 6, 'UTC')" for number in (first, until))
    engine.execute(
        "INSERT INTO weir.ownership_ranges (network, ip, port, protocol, workload, source, start, `end`, node_id) "  # noqa: S608
        f"SELECT 'default', toIPv6('{ip}'), 0, '', '{workload}', 'heartbeat', {span}, '{node}'"
    )


def loss(engine: Engine, node: str, number: int) -> None:
    engine.execute(
        "INSERT INTO weir.losses (window_start, node_id, epoch, stage, reason, flows, packets, bytes, id) "  # noqa: S608
        f"SELECT toDateTime({START_S + WINDOW_S * number}, 'UTC'), '{node}', 1, 'agent', 'map_full', 0, 3, 180, 1"
    )


@dataclass(frozen=True)
class Row:
    """A row of `flows`, told by the client's node or, with `role`, the server's. Packets are those of the client."""

    window: int
    opened: int = 0
    failed: int = 0
    refused: int = 0
    sent: int = 5
    received: int = 5
    retransmits: int = 0
    client: str = "web"
    server: str = "pay"
    port: int = 8443
    node: str = "n1"
    role: str = "client"
    reason: str = ""
    protocol: str = "tcp"
    server_ip: str = "10.0.1.1"
    domain: str = ""


def flow(engine: Engine, *rows: Row) -> None:
    each = " UNION ALL ".join(f"SELECT {', '.join(_values(row).values())}" for row in rows)
    engine.execute(f"INSERT INTO weir.flows ({', '.join(_values(rows[0]))}) {each}")  # noqa: S608


def _values(row: Row) -> dict[str, str]:
    start = f"toDateTime({START_S + WINDOW_S * row.window}, 'UTC')"
    ours, theirs = (row.client, row.server) if row.role == "client" else (row.server, row.client)
    ips = ("10.0.0.1", row.server_ip) if row.role == "client" else (row.server_ip, "10.0.0.1")
    packets = (row.sent, row.received) if row.role == "client" else (row.received, row.sent)
    return {
        "window_start": start, "window_seconds": str(WINDOW_S), "first_seen": f"{start} + 1", "last_seen": f"{start} + 8",
        "region": "'eu'", "network": "'default'", "node_id": f"'{row.node}'", "epoch": "1", "protocol": f"'{row.protocol}'",
        "role": f"'{row.role}'", "local_ip": f"toIPv6('{ips[0]}')", "remote_ip": f"toIPv6('{ips[1]}')", "service_port": str(row.port),
        "local_workload": f"'{ours}'", "remote_workload": f"'{theirs}'", "remote_reason": f"'{row.reason}'",
        "remote_source": "'none'" if row.reason else "'heartbeat'", "canonical": str(int(row.role == "client")),
        "packets_sent": str(packets[0]), "packets_received": str(packets[1]), "bytes_sent": str(60 * packets[0]),
        "bytes_received": str(60 * packets[1]), "connections_opened": str(row.opened), "connections_failed": str(row.failed),
        "connections_refused": str(row.refused), "retransmits": str(row.retransmits), "local_zone": "'eu-1a'",
        "remote_domain": f"'{row.domain}'", "registrable_domain": f"'{row.domain}'",
    }  # fmt: skip
