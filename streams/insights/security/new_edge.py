"""New edges: a client that calls a workload it has not called for weeks, though neither of them is new or was changed just now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
ADMIN_PORTS = frozenset({22, 23, 135, 139, 445, 2375, 2379, 3389, 5900, 5985, 5986, 6443, 10250})

Callers = Mapping[tuple[str, str, int], frozenset[str]]
"""Network, server or domain, port -> who has called it within HISTORY_S. Of a domain the port is 0."""


def new_edges(contacts: Iterable[Contact], callers: Callers, lives: Lives, step: Span) -> tuple[Sighting, ...]:
    """`contacts`: of the step, with named servers, unseen within HISTORY_S; those that opened nothing are left to the scans."""
    told = [one for one in contacts if one.server and one.opened > 0 and _is_strange(one, callers, lives, step)]
    by_client = sorted(told, key=lambda one: (one.network, one.client, one.server, one.service_port))
    return tuple(
        one for _, each in groupby(by_client, key=lambda one: (one.network, one.client)) for one in _of_client(tuple(each), callers, step)
    )


def _is_strange(one: Contact, callers: Callers, lives: Lives, step: Span) -> bool:
    if one.client == one.server or not (is_lasting(one.client) and is_lasting(one.server)):
        return False
    within_s = FAMILIAR_S if is_familiar(one, callers) else DEPLOY_S
    if is_fresh(one.at_s, one.since_s, within_s) or is_expected(lives, one.network, one.server, step.end_s):
        return False
    return not is_expected(lives, one.network, one.client, step.end_s, within_s)


def is_familiar(one: Contact, callers: Callers) -> bool:
    """Whether a new version may well call it: it is of the client's namespace, or others of that, or many, call it on this port."""
    known = callers.get((one.network, one.server, min(one.service_port, PASSING_PORTS)), frozenset())
    space = namespace_of(one.client)
    near = space == namespace_of(one.server) or any(namespace_of(name) == space for name in known)
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
