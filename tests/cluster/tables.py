"""What the tables say, asked through ClickHouse's native protocol."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.cluster.cluster import NODES
from tests.cluster.shop.collector import Sums
from tests.support.clickhouse import EngineHost
from tests.support.processes import wait_for

PORTS = {
    "cluster-ip": 80,
    "node-port": 30080,
    "external-ip": 81,
    "load-balancer": 82,
    "host-network": 83,
    "cron-job": 84,
    "moving": 85,
    "datagrams": 53,
    "database": 5432,
}
"""The service port by which the rows of an edge are told apart."""


@dataclass(frozen=True, slots=True)
class Named:
    """How the tables name the far end of some rows."""

    workload: str
    source: str
    reason: str
    service: str


class Tables:
    def __init__(self, engine: EngineHost) -> None:
        self._engine = engine

    def ask(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self._engine.client() as client:
            rows: list[tuple[Any, ...]] = client.execute(sql, parameters)
            return rows

    def settled(self, seconds: float = 120) -> None:
        """Returns when each node's rows reach beyond this instant: a node's flows come in order, so what it counted before is there."""
        now = int(time.time())
        wait_for(
            lambda: {node for node, start in self._reach() if start > now} >= NODES.keys(),
            seconds,
            f"rows of {', '.join(NODES)} after {now}",
            every=0.5,
        )

    def _reach(self) -> list[tuple[str, int]]:
        return [(str(node), int(start)) for node, start in self.ask("SELECT node_id, toUInt32(max(window_start)) FROM weir.flows GROUP BY node_id")]

    def names(self, local: str, port: int, since: float = 0, service: str = "") -> dict[Named, Sums]:
        """How the far ends of the workload's canonical flows to `port` were named, and their payload."""
        rows = self.ask(
            """SELECT remote_workload, remote_source, remote_reason, remote_service, sum(payload_bytes_sent), sum(payload_bytes_received)
            FROM weir.flows WHERE canonical AND role = 'client' AND local_workload = %(local)s AND service_port = %(port)s
            AND window_start >= toDateTime(%(since)s) AND (%(service)s = '' OR remote_service = %(service)s)
            GROUP BY remote_workload, remote_source, remote_reason, remote_service""",
            local=local,
            port=port,
            since=int(since),
            service=service,
        )
        return {Named(*row[:4]): Sums(int(row[4]), int(row[5])) for row in rows}
