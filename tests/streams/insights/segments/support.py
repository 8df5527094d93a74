"""Edges as tests write them."""

from __future__ import annotations

from streams.insights.segments.seen import Edge

MONDAY_S = 1_767_571_200


def edge(
    client: str,
    server: str,
    port: int,
    *,
    protocol: str = "tcp",
    connections: int = 100,
    hours: int = 5,
    days: int = 2,
    domain: str = "",
    reason: str = "",
    service: str = "",
    works: bool = True,
) -> Edge:
    times = (MONDAY_S, MONDAY_S + 86_400)
    return Edge(client, server, protocol, port, domain, reason, service, connections, connections * 1_000, hours, days, *times, works)
