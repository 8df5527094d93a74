"""Who may talk to whom: what was seen, and what most of a role were seen to do allowed to all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streams.insights.segments.roles import Role
from streams.insights.segments.seen import Edge

MOST = 0.5
"""Of a role's members; and two at least."""
THIN = 0.02
"""Of all pairs of two roles' members: where fewer were seen, the roles say little of each other, and nothing is allowed beyond."""
VITAL = (
    "prometheus", "vmagent", "otel-collector", "opentelemetry-collector", "grafana-agent", "alloy", "datadog-agent",
    "ingress-nginx", "nginx-ingress", "traefik", "haproxy-ingress", "ingressgateway", "contour", "envoy-gateway",
)  # fmt: skip
"""Parts of names of clients that scrape metrics or bring calls in: what they were seen to do once is enough."""


@dataclass(frozen=True)
class Grant:
    """Each of the clients may call each of the servers. A side without a name is ("",): what stands outside.

    `connections`, `first_s`, `last_s`: of the edges that show it. `service`: the port is that of this service, not of who answers.
    `roles`: names of the client's and the server's role, where the grant is wider than what was seen.
    """

    clients: tuple[str, ...]
    servers: tuple[str, ...]
    protocol: str
    port: int
    connections: int
    first_s: int
    last_s: int
    service: str = ""
    roles: tuple[str, str] | None = None


def learned(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    return tuple(edge for edge in edges if edge.is_learned or (edge.works and edge.is_known and _is_vital(edge.client)))


def grants_of(edges: Sequence[Edge], roles: Sequence[Role], exact: bool) -> tuple[Grant, ...]:
    """`edges`: learned ones. `exact`: nothing beyond what was seen."""
    role_of = {} if exact else {member: role for role in roles for member in role.members if role.sure}
    blocks: dict[tuple[str, str, str, int, str], list[Edge]] = {}
    singles: list[Edge] = []
    for edge in edges:
        client, server = role_of.get(edge.client), role_of.get(edge.server)
        if client and server:
            blocks.setdefault((client.name, server.name, edge.protocol, edge.port, edge.service), []).append(edge)
        else:
            singles.append(edge)
    by_name = {role.name: role for role in roles}
    found = [_grant((edge,), (edge.client,), (edge.server,)) for edge in singles]
    for key in sorted(blocks):
        found += _of_block(by_name[key[0]], by_name[key[1]], blocks[key])
    return tuple(sorted(found, key=lambda one: (one.clients, one.servers, one.protocol, one.port)))


def _of_block(client: Role, server: Role, edges: Sequence[Edge]) -> list[Grant]:
    """One grant for both roles where most clients call: of the servers all, where most are called, or those that are.

    Where few clients call, each that calls most of the servers may call all of them, and others what they were seen to call.
    """
    clients, servers = {edge.client for edge in edges}, {edge.server for edge in edges}
    pairs = len({(edge.client, edge.server) for edge in edges})
    if pairs >= THIN * len(client.members) * len(server.members) and _are_most(clients, client):
        reached = server.members if _are_most(servers, server) else tuple(sorted(servers))
        wider = len(client.members) * len(reached) > pairs
        return [_grant(edges, client.members, reached, (client.name, server.name) if wider else None)]
    called: dict[str, list[Edge]] = {}
    for edge in edges:
        called.setdefault(edge.client, []).append(edge)
    return [grant for name in sorted(called) for grant in _of_client(client, server, called[name])]


def _of_client(client: Role, server: Role, edges: Sequence[Edge]) -> list[Grant]:
    """`edges`: of one client."""
    servers = {edge.server for edge in edges}
    if not _are_most(servers, server):
        return [_grant((edge,), (edge.client,), (edge.server,)) for edge in edges]
    wider = len(server.members) > len(servers)
    return [_grant(edges, (edges[0].client,), server.members, (client.name, server.name) if wider else None)]


def _are_most(names: set[str], role: Role) -> bool:
    return len(names) >= 2 and len(names) >= MOST * len(role.members)


def _grant(edges: Sequence[Edge], clients: tuple[str, ...], servers: tuple[str, ...], roles: tuple[str, str] | None = None) -> Grant:
    return Grant(
        clients,
        servers,
        edges[0].protocol,
        edges[0].port,
        sum(edge.connections for edge in edges),
        min(edge.first_s for edge in edges),
        max(edge.last_s for edge in edges),
        edges[0].service,
        roles,
    )


def _is_vital(name: str) -> bool:
    return any(part in name for part in VITAL)
