"""A fleet of workloads in known roles, and who talks to whom: templates between roles, edges of them, noise, and what was not seen.

A template says that a role calls another at a port, and how: each client all servers, three of them, or one of its own. The last two roles
are alike: they differ in one template. Names say nothing of roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.insights.segments.identities import Labelled

ROLES, SMALLEST, LARGEST = 12, 3, 30
NOISE, MISSING = 0.15, 0.05
PORTS = (80, 443, 5432, 6379, 8080, 8080, 8080, 8443, 9000, 9092, 50051, 27017)
DNS_PORT, METRICS_PORT = 53, 9090

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Template:
    """`fan`: servers that each client calls; 0: all."""

    client: int
    server: int
    port: int
    fan: int


@dataclass(frozen=True)
class Links:
    """Distinct (client, server, port) of workloads."""

    client: Ints
    server: Ints
    port: Ints

    def __len__(self) -> int:
        return len(self.client)

    def keys(self) -> Ints:
        return (self.client * 100_000 + self.server) * 100_000 + self.port

    def taken(self, chosen: NDArray[np.bool_]) -> Links:
        return Links(self.client[chosen], self.server[chosen], self.port[chosen])

    def with_others(self, other: Links) -> Links:
        both = Links(*(np.concatenate([getattr(one, name) for one in (self, other)]) for name in ("client", "server", "port")))
        _, first = np.unique(both.keys(), return_index=True)
        return Links(both.client[first], both.server[first], both.port[first])


@dataclass(frozen=True)
class Fleet:
    """`role`: of each workload; ROLES and ROLES + 1 are the name server and the scraper, which everyone has to do with."""

    role: Ints
    templates: tuple[Template, ...]
    links: Links

    def __len__(self) -> int:
        return len(self.role)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"shop/w{at}" for at in range(len(self)))


def fleet(seed: int) -> Fleet:
    rng = np.random.default_rng(seed)
    sizes = [*rng.integers(SMALLEST, LARGEST + 1, ROLES), 1, 1]
    role = rng.permutation(np.repeat(np.arange(ROLES + 2), sizes))
    templates = _templates(rng)
    return Fleet(role, templates, _links(role, templates))


def noisy(truth: Fleet, seed: int, noise: float = NOISE, missing: float = MISSING) -> Fleet:
    """As it was seen: a share of the edges is missing, and the share `noise` is added between any two workloads, at any port in use."""
    rng = np.random.default_rng((seed, 1))
    kept = truth.links.taken(rng.random(len(truth.links)) >= missing)
    return replace(truth, links=kept.with_others(strays(truth, rng, round(noise * len(truth.links)))))


def strays(truth: Fleet, rng: np.random.Generator, count: int) -> Links:
    """Edges that no template has made."""
    client, server = rng.integers(0, len(truth), (2, count * 2))
    drawn = Links(client, server, rng.choice(np.array([*PORTS, 22, 3389]), count * 2))
    own = drawn.taken((client != server) & ~np.isin(drawn.keys(), truth.links.keys()))
    return Links(own.client[:count], own.server[:count], own.port[:count])


def _templates(rng: np.random.Generator) -> tuple[Template, ...]:
    port = rng.choice(PORTS, ROLES)
    found: set[Template] = set()
    for client in range(ROLES - 1):
        others = [other for other in range(ROLES - 1) if other != client]
        for server in rng.choice(others, rng.integers(1, 4), replace=False):
            found.add(Template(client, int(server), int(port[server]), int(rng.choice([0, 1, 3]))))
    one, other = ROLES - 2, ROLES - 1
    copied = {replace(t, client=other) for t in found if t.client == one} | {replace(t, server=other) for t in found if t.server == one}
    free = [at for at in range(ROLES - 2) if not any(t.client == one and t.server == at for t in found)]
    server = int(rng.choice(free))
    copied.add(Template(other, server, int(port[server]), 0))
    everyone = {Template(at, ROLES, DNS_PORT, 0) for at in range(ROLES)} | {Template(ROLES + 1, at, METRICS_PORT, 0) for at in range(ROLES)}
    return tuple(sorted(found | copied | everyone, key=lambda t: (t.client, t.server, t.port)))


def _links(role: Ints, templates: tuple[Template, ...]) -> Links:
    pairs = {pair for template in templates for pair in _pairs(role, template)}
    return Links(*np.array(sorted(pairs), np.int64).T)


def _pairs(role: Ints, template: Template) -> Iterator[tuple[int, int, int]]:
    """Each server is called: where there are more of them than clients, a client has several of its own."""
    clients, servers = (np.flatnonzero(role == one).tolist() for one in (template.client, template.server))
    fan = template.fan or len(servers)
    for place, client in enumerate(clients):
        yield from ((client, servers[(place * fan + step) % len(servers)], template.port) for step in range(fan))
    yield from ((clients[place % len(clients)], server, template.port) for place, server in enumerate(servers))


WEEK_S = 7 * 86_400
START_S = 1_767_571_200
"""2026-01-05 00:00:00 UTC, a Monday."""
RATE_SPREAD = 1.5
"""Of the logarithm of connections a week."""
STRAY_CONNECTIONS = 5
"""Mean of an edge that no template has made; all of them on one day."""


def week(fleet: Fleet, links: Links, seed: int, at: int) -> pa.Table:
    """What week `at` shows of the links, as `sinks.queries.segments` has it: strays are called a few times, on one day.

    How often a true edge is used is the same in every week, and differs by orders of magnitude between edges.
    """
    rates = np.exp(np.random.default_rng((seed, 2)).normal(6.0, RATE_SPREAD, len(fleet.links)))
    place = {key: number for number, key in enumerate(fleet.links.keys().tolist())}
    known = np.array([place.get(key, -1) for key in links.keys().tolist()])
    rng = np.random.default_rng((seed, 3, at))
    connections = np.where(known >= 0, rng.poisson(rates[known]), rng.geometric(1 / STRAY_CONNECTIONS, len(links)))
    hours = np.where(known >= 0, np.minimum(connections, 168), np.minimum(connections, 24))
    days = np.where(known >= 0, np.minimum(connections, 7), 1)
    names = np.array(fleet.names)
    seen = connections > 0
    first_s = START_S + at * WEEK_S
    return pa.table(
        {
            "client": names[links.client[seen]],
            "server": names[links.server[seen]],
            "protocol": np.where(links.port[seen] == DNS_PORT, "udp", "tcp"),
            "service_port": links.port[seen],
            **{name: np.repeat("", int(seen.sum())) for name in ("domain", "reason", "service")},
            "role": np.repeat("client", int(seen.sum())),
            "connections": connections[seen],
            "bytes": connections[seen] * 5_000,
            "sent": connections[seen] * 1_000,
            "received": connections[seen] * 3_000,
            "hours": hours[seen],
            "days": days[seen],
            "first_s": np.repeat(first_s, int(seen.sum())),
            "last_s": np.repeat(first_s + WEEK_S - 3_600, int(seen.sum())),
        }
    )


def lateral_moves(truth: Fleet, seed: int, count: int = 500) -> Links:
    """From a workload to one that its role has nothing to do with at that port: one that is served somewhere, or an intruder's."""
    rng = np.random.default_rng((seed, 4))
    allowed = {(t.client, t.server, t.port) for t in truth.templates}
    found: list[tuple[int, int, int]] = []
    while len(found) < count:
        client, server = rng.integers(0, len(truth), 2).tolist()
        port = int(rng.choice([*PORTS, 22, 445, 3389, 5985]))
        if client != server and (int(truth.role[client]), int(truth.role[server]), port) not in allowed:
            found.append((client, server, port))
    return Links(*np.array(found, np.int64).T)


def within_roles(truth: Fleet, seed: int, count: int = 500) -> Links:
    """Between roles that do talk at that port, from a client to a server that is not its own: the moves that roles cannot tell from use."""
    rng = np.random.default_rng((seed, 5))
    narrow = [t for t in truth.templates if 0 < t.fan < int((truth.role == t.server).sum())]
    used = set(truth.links.keys().tolist())
    found: list[tuple[int, int, int]] = []
    for _ in range(count * 20 if narrow else 0):
        template = narrow[int(rng.integers(len(narrow)))]
        client, server = (int(rng.choice(np.flatnonzero(truth.role == one))) for one in (template.client, template.server))
        one = Links(*(np.array([value], np.int64) for value in (client, server, template.port)))
        if int(one.keys()[0]) not in used:
            found.append((client, server, template.port))
        if len(found) == count:
            break
    return Links(*np.array(found, np.int64).reshape(-1, 3).T)


def labelled(truth: Fleet) -> tuple[Labelled, ...]:
    """As a cluster would have them."""
    return tuple(Labelled(name, "shop", {"app": name.partition("/")[2], "team": "goods"}) for name in truth.names)
