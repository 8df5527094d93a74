"""What the tables say, asked through ClickHouse's native protocol."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.cluster import NODES
from tests.cluster.shop.collector import Edge, Sums
from tests.cluster.shop.objects import NAMESPACE, NODE_PORT
from tests.support.clickhouse import EngineHost
from tests.support.processes import wait_for

PORTS = {
    "cluster-ip": 80,
    "two-behind": 87,
    "headless": 8080,
    "node-port": NODE_PORT,
    "external-ip": 81,
    "load-balancer": 82,
    "host-network": 83,
    "cron-job": 84,
    "moving": 85,
    "datagrams": 53,
    "database": 5432,
}
"""The port that the callers of an edge call: with the caller it tells the edge's rows from all others."""


@dataclass(frozen=True, slots=True)
class Named:
    """How the far end of some rows is named, or why it is not."""

    workload: str
    source: str
    reason: str = ""
    service: str = ""


Names = Mapping[Named, Sums]


class Tables:
    def __init__(self, engine: EngineHost) -> None:
        self._engine = engine

    def ask(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self._engine.client() as client:
            rows: list[tuple[Any, ...]] = client.execute(sql, parameters)
            return rows

    def settled(self, seconds: float = 120) -> None:
        """Returns when each node's rows reach beyond this instant: a node's flows come in order, what it counted before is there."""
        now = int(time.time())
        wait_for(lambda: self._reached(now), seconds, f"rows of {' and '.join(NODES)} after {now}", every=0.5)

    def edges(self) -> dict[Edge, Names]:
        """The callers' canonical rows of every edge of the shop, by how their far ends are named: payload sent and received."""
        rows = self.ask(
            f"""SELECT local_workload, service_port, remote_workload, remote_source, remote_reason, remote_service,
                sum(payload_bytes_sent), sum(payload_bytes_received)
            FROM weir.flows WHERE canonical AND role = 'client' AND service_port IN {tuple(PORTS.values())}
            GROUP BY local_workload, service_port, remote_workload, remote_source, remote_reason, remote_service"""  # noqa: S608
        )
        ways = {port: way for way, port in PORTS.items()}
        found: dict[Edge, dict[Named, Sums]] = defaultdict(dict)
        for local, port, workload, source, reason, service, sent, received in rows:
            found[Edge(local, ways[port])][Named(workload, source, reason, service)] = Sums(sent, received)
        return dict(found)

    def served(self) -> dict[tuple[str, str], Sums]:
        """The shop's servers' own view, by (server, caller): payload sent and received. None of it is canonical: callers have agents."""
        rows = self.ask(
            """SELECT local_workload, remote_workload, sum(payload_bytes_sent), sum(payload_bytes_received) FROM weir.flows
            WHERE NOT canonical AND role = 'server' AND startsWith(local_workload, %(shop)s) GROUP BY local_workload, remote_workload""",
            shop=f"{NAMESPACE}/",
        )
        return {(server, caller): Sums(sent, received) for server, caller, sent, received in rows}

    def counted_again(self) -> int:
        """Payload in canonical rows of the shop's servers: it is in their callers' rows already."""
        return int(
            self.ask(
                """SELECT sum(payload_bytes_sent + payload_bytes_received) FROM weir.flows
                WHERE canonical AND role != 'client' AND startsWith(local_workload, %(shop)s)""",
                shop=f"{NAMESPACE}/",
            )[0][0]
        )

    def payload_of_nobody(self, port: int) -> Sums:
        """What callers sent to and received from the port whose workload no agent knew."""
        rows = self.ask(
            """SELECT sum(payload_bytes_sent), sum(payload_bytes_received) FROM weir.flows
            WHERE canonical AND role = 'client' AND local_workload = '' AND service_port = %(port)s""",
            port=port,
        )
        return Sums(*map(int, rows[0]))

    def retransmits(self) -> int:
        """Segments that the shop's ends sent once more: their payload was on the wire twice, and is counted twice."""
        rows = self.ask("SELECT sum(retransmits) FROM weir.flows WHERE startsWith(local_workload, %(shop)s)", shop=f"{NAMESPACE}/")
        return int(rows[0][0])

    def losses(self) -> list[tuple[Any, ...]]:
        sums = "sum(flows), sum(packets), sum(bytes)"
        return self.ask(f"SELECT node_id, stage, reason, {sums} FROM weir.losses GROUP BY node_id, stage, reason")  # noqa: S608

    def _reached(self, instant: int) -> bool:
        rows = self.ask("SELECT node_id, toUInt32(max(window_start)) FROM weir.flows GROUP BY node_id")
        return {node for node, newest in rows if newest > instant} >= NODES.keys()


def difference(after: Names, before: Names) -> dict[Named, Sums]:
    """What came since, without what did not change."""
    changes = {named: sums - before.get(named, Sums()) for named, sums in after.items()}
    return {named: sums for named, sums in changes.items() if sums != Sums()}


def total(names: Names) -> Sums:
    return sum(names.values(), Sums())
