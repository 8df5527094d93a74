"""Roles: workloads that talk to the same others, found from edges."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from streams.insights.segments.confidence import SURE, confidence
from streams.insights.segments.features import Contacts
from streams.insights.segments.grouping import first_come
from streams.insights.segments.refine import groups_of
from streams.insights.segments.seen import NODE, Edge

LIMIT = 2_000
"""Workloads that are compared with each other, those with the most bytes; each further one is a role of its own."""
SHORTEST_PREFIX = 3


@dataclass(frozen=True)
class Role:
    """`name`: role-1, ..., by the first member. `label`: for people. `members`: by name. `confidence`: their lowest, 0 to 1."""

    name: str
    label: str
    members: tuple[str, ...]
    confidence: float

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE


def roles_of(edges: Sequence[Edge], ranges: Collection[str]) -> tuple[Role, ...]:
    """Of every workload in the edges. `ranges`: names that stand for ranges of addresses."""
    size = Counter[str]()
    for edge in edges:
        for name in {edge.client, edge.server} - {""}:
            if not name.startswith(NODE) and name not in ranges:
                size[name] += edge.bytes
    names = sorted(sorted(size), key=lambda name: -size[name])[:LIMIT]
    if not names:
        return ()
    contacts = contacts_of(edges, names)
    own = groups_of(contacts)
    sure = confidence(contacts, own)
    own = first_come(np.where(sure < SURE, len(own) + np.arange(len(own)), own))
    groups: dict[int, list[int]] = {}
    for at, group in enumerate(own.tolist()):
        groups.setdefault(group, []).append(at)
    found = [(tuple(sorted(names[at] for at in members)), float(sure[members].min())) for members in groups.values()]
    found += [((name,), 0.0) for name in sorted(size.keys() - set(names))]
    services = _services(edges)
    return tuple(Role(f"role-{at}", _label(members, services), members, how) for at, (members, how) in enumerate(sorted(found), 1))


def contacts_of(edges: Sequence[Edge], names: Sequence[str]) -> Contacts:
    """`names`: of the workloads that shall have roles."""
    number = {name: at for at, name in enumerate(names)}
    service: dict[tuple[str, int], int] = {}
    found = sorted(
        {
            (
                number.setdefault(_end(edge.client, edge), len(number)),
                number.setdefault(_end(edge.server, edge), len(number)),
                service.setdefault((edge.protocol, edge.port), len(service)),
            )
            for edge in edges
        }
    )
    client, server, at = np.array(found, np.int64).reshape(-1, 3).T
    return Contacts(len(names), len(number), client, server, at)


def _end(name: str, edge: Edge) -> str:
    """All nodes are one end, and so is all outside that has no name; a name of a workload has no space in it."""
    if name:
        return "a node" if name.startswith(NODE) else name
    return f"domain {edge.domain}" if edge.domain else f"outside {edge.reason}"


def _services(edges: Sequence[Edge]) -> dict[str, Counter[str]]:
    """What each workload serves, by connections."""
    found: dict[str, Counter[str]] = {}
    for edge in edges:
        if edge.server:
            found.setdefault(edge.server, Counter())[f"{edge.protocol}/{edge.port}"] += max(1, edge.connections)
    return found


def _label(members: tuple[str, ...], services: dict[str, Counter[str]]) -> str:
    """What their names have in common; else what they serve."""
    if len(members) == 1:
        return members[0]
    common = os.path.commonprefix(members).rstrip("-_./0123456789")
    if len(common.rpartition("/")[2]) >= SHORTEST_PREFIX:
        return f"{common}*"
    served = sum((services.get(member, Counter[str]()) for member in members), Counter[str]())
    what = f"servers of {served.most_common(1)[0][0]}" if served else "clients"
    return f"{len(members)} {what}" + (f" in {common.partition('/')[0]}" if "/" in common else "")
