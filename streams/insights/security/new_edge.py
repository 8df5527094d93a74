"""New edges: a client that calls a workload it has not called for weeks, though neither of them is new or was changed just now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby

from schemas.records.finding import Severity, Sighting
from sinks.queries.namespaces import namespace_of
from sinks.queries.security import PASSING_PORTS
from sinks.queries.spans import Span
from streams.insights.security.lives import DEPLOY_S, FAMILIAR_S, Lives, is_expected, is_fresh, is_lasting
from streams.insights.security.sighted import Contact, Seen, first_of, key_of, sighting, spoken

HISTORY_S = 35 * 86_400
"""A month and a weekend: what runs monthly is nothing new."""
FOLDED = 3
"""More new edges of a client in one step are one finding."""
SHARED = 3
"""A server that so many call is there for all."""
ROAMING, ROAMING_S = 2, 3_600
"""What a new version begins to use hours later is one thing; who calls so many so soon, in other namespaces, is looking around."""
ADMIN_PORTS = frozenset({22, 23, 135, 139, 445, 2375, 2379, 3389, 5900, 5985, 5986, 6443, 10250})

Callers = Mapping[tuple[str, str, int], frozenset[str]]
"""Network, server or domain, port -> who has called it within HISTORY_S. Of a domain the port is 0."""


def new_edges(
    contacts: Iterable[Contact], callers: Callers, lives: Lives, step: Span, roaming: Collection[tuple[str, str]] = frozenset()
) -> tuple[Sighting, ...]:
    """`contacts`: of the step, with named servers, unseen within HISTORY_S; those that opened nothing are left to the scans.

    `roaming`: network and name of clients to which only their own namespace is familiar.
    """
    told = [one for one in contacts if _is_strange(one, callers, lives, step, roaming)]
    by_client = sorted(told, key=lambda one: (one.network, one.client, one.server, one.service_port))
    return tuple(
        one for _, each in groupby(by_client, key=lambda one: (one.network, one.client)) for one in _of_client(tuple(each), callers, step)
    )


def excused(contacts: Iterable[Contact], callers: Callers, lives: Lives, step: Span) -> frozenset[tuple[str, str]]:
    """Network and name of clients with an edge that is quiet only because others call that server."""
    return frozenset(
        (one.network, one.client)
        for one in contacts
        if not _is_at_home(one) and _is_new(one, lives, step.end_s, DEPLOY_S) and not _is_strange(one, callers, lives, step, frozenset())
    )


def roamers(contacts: Iterable[Contact], lives: Lives) -> frozenset[tuple[str, str]]:
    """`contacts`: of ROAMING_S, unseen before. Network and name of clients that called so many servers of other namespaces, outside the
    hour of a new version.
    """
    servers: dict[tuple[str, str], set[str]] = {}
    for one in contacts:
        if not _is_at_home(one) and _is_new(one, lives, one.at_s, DEPLOY_S):
            servers.setdefault((one.network, one.client), set()).add(one.server)
    return frozenset(client for client, held in servers.items() if len(held) >= ROAMING)


def _is_strange(one: Contact, callers: Callers, lives: Lives, step: Span, roaming: Collection[tuple[str, str]]) -> bool:
    is_usual = is_familiar(one, callers) and ((one.network, one.client) not in roaming or _is_at_home(one))
    return _is_new(one, lives, step.end_s, FAMILIAR_S if is_usual else DEPLOY_S)


def _is_new(one: Contact, lives: Lives, at_s: int, within_s: int) -> bool:
    """Whether an edge came up between workloads that are not new, and of which the client was not changed within the time."""
    if not (one.server and one.opened) or one.client == one.server or not (is_lasting(one.client) and is_lasting(one.server)):
        return False
    if is_fresh(one.at_s, one.since_s, within_s) or is_expected(lives, one.network, one.server, at_s):
        return False
    return not is_expected(lives, one.network, one.client, at_s, within_s)


def _is_at_home(one: Contact) -> bool:
    return namespace_of(one.client) == namespace_of(one.server)


def is_familiar(one: Contact, callers: Callers) -> bool:
    """Whether a new version may well call it: it is of the client's namespace, or others of that, or many, call it on this port."""
    known = callers.get((one.network, one.server, min(one.service_port, PASSING_PORTS)), frozenset())
    near = _is_at_home(one) or any(namespace_of(name) == namespace_of(one.client) for name in known)
    return one.service_port not in ADMIN_PORTS and (near or len(known) >= SHARED)


def _of_client(contacts: tuple[Contact, ...], callers: Callers, step: Span) -> tuple[Sighting, ...]:
    edges = {(one.server, one.service_port) for one in contacts}
    if len(edges) <= FOLDED:
        return tuple(
            _sighting([one for one in contacts if (one.server, one.service_port) == edge], *edge, callers, step) for edge in sorted(edges)
        )
    return (_sighting(contacts, "", 0, callers, step),)


def _sighting(contacts: Iterable[Contact], peer: str, port: int, callers: Callers, step: Span) -> Sighting:
    held = list(contacts)
    network, client = held[0].network, held[0].client
    servers, ports = [one.server for one in held], sorted({one.service_port for one in held})
    severity: Severity = "info" if all(is_familiar(one, callers) for one in held) else "warning"
    named = f"port {ports[0]}" if len(ports) == 1 else f"{len(ports)} ports"
    sentence = f"{client} called {spoken(servers)} on {named}, which it had not done for five weeks."
    evidence = {
        "servers": len(set(servers)), "some_servers": first_of(servers), "some_ports": ports[:10],
        "bytes": sum(one.bytes_sent + one.bytes_received for one in held), "connections": sum(one.opened for one in held),
    }  # fmt: skip
    seen = Seen(min(one.at_s for one in held), step.end_s, len(set(servers)))
    return sighting(key_of("new_edge", network, client, peer, port), severity, seen, sentence, evidence)
