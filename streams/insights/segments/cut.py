"""What policies would cut of what was seen: each edge put to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from sinks.queries.namespaces import namespace_of
from streams.insights.segments.build import Ranges
from streams.insights.segments.evaluate import Endpoint, Policies
from streams.insights.segments.identities import NAME_SERVER_LABELS, NAME_SERVERS, Identity
from streams.insights.segments.policy import Policy
from streams.insights.segments.seen import NODE, Edge


@dataclass(frozen=True)
class Call:
    """What is put to the policies. An end outside has an address, and perhaps a domain, in place of a name."""

    client: str
    server: str
    protocol: str
    port: int
    connections: int
    bytes: int
    last_s: int
    address: str = ""
    domain: str = ""


def calls_of(edges: Iterable[Edge], outside: Sequence[Call]) -> tuple[Call, ...]:
    """Edges between names, and what was seen of each address outside. What only failed, and ends nobody knows, are left out."""
    named = [
        Call(edge.client, edge.server, edge.protocol, edge.port, edge.connections, edge.bytes, edge.last_s)
        for edge in edges
        if edge.works and edge.client and edge.server
    ]
    return (*named, *outside)


def cut(calls: Iterable[Call], policies: Sequence[Policy], identities: Mapping[str, Identity], ranges: Ranges) -> tuple[Call, ...]:
    """Those that policies would not let through, the most connections first."""
    asked = Policies(policies)
    ends: dict[tuple[str, str, str], Endpoint] = {}
    speaking: dict[str, Sequence[Policy]] = {}

    def end(name: str, call: Call) -> Endpoint:
        key = (name, "", "") if name else ("", call.address, call.domain)
        if key not in ends:
            ends[key] = _endpoint(name, call, identities, ranges)
        return ends[key]

    def of(name: str, endpoint: Endpoint) -> Sequence[Policy]:
        if name not in speaking:
            speaking[name] = asked.selecting(endpoint)
        return speaking[name]

    found = []
    for call in calls:
        client, server = end(call.client, call), end(call.server, call)
        may = asked.allow_egress(of(call.client, client), server, call.protocol, call.port) and asked.allow_ingress(
            of(call.server, server), client, call.protocol, call.port
        )
        if not may:
            found.append(call)
    return tuple(sorted(found, key=lambda one: (-one.connections, -one.bytes, one.client, one.server, one.protocol, one.port, one.address)))


def _endpoint(name: str, call: Call, identities: Mapping[str, Identity], ranges: Ranges) -> Endpoint:
    if not name:
        return Endpoint("outside", address=ip_address(call.address) if call.address else None, domain=call.domain)
    if name.startswith(NODE):
        return Endpoint("node")
    if name in ranges:
        return Endpoint("outside", address=ip_network(ranges[name][0]).network_address if ranges[name] else None, domain=name)
    if identity := identities.get(name):
        return Endpoint("", identity.namespace, identity.labels)
    return Endpoint("", namespace_of(name), NAME_SERVER_LABELS if name in NAME_SERVERS else {})
