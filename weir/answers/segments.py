"""Segments: roles of a span, policies for them, and what these would cut of that span or of a later one."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from schemas.addresses import format_address
from sinks.filter.sql import metrics_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.segments import ADDRESSES, EDGE_LIMIT, ask_labels, ask_outside, ask_seen
from sinks.queries.spans import Oldest, Plan, Span
from sinks.queries.status import ask_lost
from streams.insights.segments.build import Flavour, Outside, Ranges, build
from streams.insights.segments.cut import Call, calls_of, cut
from streams.insights.segments.grants import grants_of, learned
from streams.insights.segments.identities import Identity, Labelled, by_name, identities
from streams.insights.segments.policy import Policy, Selector
from streams.insights.segments.render import render
from streams.insights.segments.roles import Role, roles_of
from streams.insights.segments.seen import Edge, edges_of
from weir.answers.selectors_file import Given
from weir.query_options import BadParameter

OUTSIDE_ROLE = "outside"


@dataclass(frozen=True)
class SegmentsQuestion:
    """`check`: what the policies are put to; None: `span` itself. `exact`: nothing beyond what was seen is allowed."""

    span: Span
    where: Node | None = None
    flavour: Flavour = "none"
    exact: bool = False
    check: Span | None = None
    given: Given = field(default_factory=Given)


@dataclass(frozen=True)
class RoleEdge:
    """`source`, `target`: names of roles, a node, a range, or OUTSIDE_ROLE."""

    source: str
    target: str
    protocol: str
    port: int
    connections: int
    bytes: int
    first_s: int
    last_s: int


@dataclass(frozen=True)
class Segmentation:
    """`manifests`: YAML, or None where no kind of policy was asked for. `checked`: calls that were put to the policies."""

    roles: tuple[Role, ...]
    edges: tuple[RoleEdge, ...]
    cut: tuple[Call, ...]
    checked: int
    policies: tuple[Policy, ...]
    manifests: str | None
    needs: tuple[str, ...]
    plan: Plan
    sql: str


@dataclass(frozen=True)
class _Observed:
    """What a span shows. `ranges`: names that stand for ranges."""

    edges: tuple[Edge, ...]
    outside: tuple[Call, ...]
    whole: bool
    ranges: frozenset[str]
    networks: frozenset[str]
    plan: Plan
    sql: str


def segments(ask: Ask, oldest: Oldest, question: SegmentsQuestion) -> Segmentation:
    """Raises BadParameter for a filter by sums, and what `ask` and `plan` raise."""
    if metrics_of(question.where):
        raise BadParameter("q", "Segments are asked by names, places and addresses: leave sums such as bytes>1GB out of the filter.")
    seen = _observed(ask, question.span, question.where, oldest)
    later = _observed(ask, question.check, question.where, oldest) if question.check else seen
    workloads = _labelled(ask_labels(ask, question.span), seen.networks)
    ranges: Ranges = {**dict.fromkeys(seen.ranges | later.ranges, ()), **question.given.ranges}
    known = learned(seen.edges)
    roles = roles_of(known, ranges)
    members = [member for role in roles for member in role.members]
    own = by_name(members, workloads) if question.flavour == "none" else identities(workloads, question.given.labels)
    grants = grants_of(known, roles, question.exact)
    built = build(grants, members, question.flavour, own, ranges, _outside_of(seen), question.given.always)
    calls = calls_of(later.edges, later.outside)
    needs = (*_warned(ask, question, seen, later), *(built.needs if question.flavour != "none" else ()))
    return Segmentation(
        roles,
        _role_edges(seen.edges, roles),
        cut(calls, built.policies, {**_as_labelled(workloads), **own}, ranges),
        len(calls),
        built.policies,
        render(built.policies, question.flavour) if question.flavour != "none" else None,
        needs,
        seen.plan,
        seen.sql,
    )


def _observed(ask: Ask, span: Span, where: Node | None, oldest: Oldest) -> _Observed:
    seen = ask_seen(ask, span, where, oldest)
    ranged = [row for row in seen.rows.select(["client", "server", "role", "by_range"]).to_pylist() if row["by_range"]]
    ranges = frozenset(row["client"] if row["role"] == "server" else row["server"] for row in ranged) - {""}
    outside = ask_outside(ask, span, where, oldest)
    networks = frozenset(seen.rows.column("network").to_pylist())
    return _Observed(edges_of(seen.rows), _calls(outside.rows), outside.whole, ranges, networks, seen.plan, seen.sql)


def _calls(rows: pa.Table) -> tuple[Call, ...]:
    return tuple(
        Call(
            row["client"], row["server"], row["protocol"], row["service_port"], row["connections"], row["bytes"], row["last_s"],
            _address(row["ip"]), row["domain"],
        )
        for row in rows.to_pylist()
    )  # fmt: skip


def _address(ip: bytes | str) -> str:
    text = ip if isinstance(ip, str) else format_address(ip)
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _outside_of(seen: _Observed) -> dict[tuple[str, str, str, int], Outside]:
    found: dict[tuple[str, str, str, int], list[Call]] = {}
    for call in seen.outside:
        found.setdefault((call.client, call.server, call.protocol, call.port), []).append(call)
    return {
        key: Outside(
            tuple(sorted({call.address for call in calls})),
            tuple(sorted({call.domain for call in calls})) if all(call.domain for call in calls) else (),
            seen.whole and len(calls) < ADDRESSES,
        )
        for key, calls in found.items()
    }


def _labelled(rows: pa.Table, networks: Iterable[str]) -> tuple[Labelled, ...]:
    """Of these networks."""
    kept = frozenset(networks)
    return tuple(Labelled(row["name"], row["namespace"], json.loads(row["labels"])) for row in rows.to_pylist() if row["network"] in kept)


def _as_labelled(workloads: Sequence[Labelled]) -> dict[str, Identity]:
    """Ends of connections: also those that no selector selects alone."""
    return {one.name: Identity(one.namespace, Selector(), one.labels) for one in workloads}


def _role_edges(edges: Iterable[Edge], roles: Iterable[Role]) -> tuple[RoleEdge, ...]:
    """The largest first."""
    role_of = {member: role.name for role in roles for member in role.members}
    found: dict[tuple[str, str, str, int], list[Edge]] = {}
    for edge in edges:
        if edge.works and edge.is_known:
            ends = (role_of.get(name, name or OUTSIDE_ROLE) for name in (edge.client, edge.server))
            found.setdefault((*ends, edge.protocol, edge.port), []).append(edge)  # type: ignore[arg-type]
    sums = [
        RoleEdge(
            *key,
            sum(edge.connections for edge in own),
            sum(edge.bytes for edge in own),
            min(edge.first_s for edge in own),
            max(edge.last_s for edge in own),
        )
        for key, own in found.items()
    ]
    return tuple(sorted(sums, key=lambda one: (-one.connections, -one.bytes, one.source, one.target, one.protocol, one.port)))


def _warned(ask: Ask, question: SegmentsQuestion, seen: _Observed, later: _Observed) -> Iterable[str]:
    """What makes policies less than they seem."""
    lost = ask_lost(ask, question.span)
    if lost.flows or lost.packets:
        yield f"{lost.flows:,} flows of the span were not counted: what only they show is in no policy; learn from another span as well."
    if len(seen.networks) > 1:
        yield f"Workloads of {len(seen.networks)} networks are taken as one cluster's: ask for one with -q network=NAME."
    if len(seen.edges) >= EDGE_LIMIT:
        yield f"There are more than {EDGE_LIMIT:,} edges, and the smallest are left out: ask for a part of them with -q."
    unknown = sum(edge.connections for edge in later.edges if edge.works and not edge.is_known)
    if unknown:
        yield f"{unknown:,} connections have an end that is not known, and were put to no policy: `weir explain` says why."


def ranges_of(cidrs: Iterable[tuple[object, str]], given: Ranges) -> Mapping[str, tuple[str, ...]]:
    """Of WEIR_CIDRS as it was parsed, and of a file of selectors, which goes before."""
    found: dict[str, tuple[str, ...]] = {}
    for network, name in cidrs:
        found[name] = (*found.get(name, ()), str(network))
    return {**found, **given}
