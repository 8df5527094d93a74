"""Many edges, one fault: what several clients of a server see is the server's, what one client sees of several servers is the client's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from streams.insights.health.hysteresis import Episode

FEW = 3
_MOST = 0.8
_HALF = 0.5


@dataclass(frozen=True, order=True)
class Edge:
    network: str
    client: str
    server: str
    protocol: str
    service_port: int


@dataclass(frozen=True)
class Trouble:
    """`episodes`: of one signal. `at`: whose fault it is, where many show the same; empty: it is of the one edge alone."""

    episodes: tuple[Episode, ...]
    at: str = ""

    @property
    def signal(self) -> int:
        return self.episodes[0].signal

    @property
    def since(self) -> int:
        return min(one.since for one in self.episodes)

    @property
    def until(self) -> int | None:
        ends = [one.until for one in self.episodes]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def bad(self) -> float:
        return sum(one.bad for one in self.episodes)

    @property
    def tried(self) -> float:
        return sum(one.tried for one in self.episodes)

    @property
    def excess(self) -> float:
        return sum(one.excess for one in self.episodes)


def grouped(episodes: Sequence[Episode], edges: Sequence[Edge]) -> list[Trouble]:
    """FEW clients of one server's port with a signal at overlapping times are one trouble; of what is left, FEW servers of one client."""
    by_port = _overlapping(episodes, [(edge.network, edge.server, edge.protocol, str(edge.service_port)) for edge in edges])
    found, left = _named("server", by_port, [edge.server for edge in edges], [edge.client for edge in edges])
    by_client = _overlapping(left, [(edge.network, edge.client) for edge in edges])
    of_clients, alone = _named("client", by_client, [edge.client for edge in edges], [edge.server for edge in edges])
    return [*found, *of_clients, *(Trouble((one,)) for one in alone)]


def _named(
    end: str, groups: Sequence[tuple[Episode, ...]], own: Sequence[str], others: Sequence[str]
) -> tuple[list[Trouble], list[Episode]]:
    """Groups with FEW others or more are troubles of their `end`; the episodes of the rest. `own`, `others`: the ends of each edge."""
    found: list[Trouble] = []
    left: list[Episode] = []
    for together in groups:
        if len({others[one.edge] for one in together}) >= FEW:
            found.append(Trouble(together, f"{end} {own[together[0].edge]}"))
        else:
            left += together
    return found, left


def _overlapping(episodes: Sequence[Episode], keys: Sequence[tuple[str, ...]]) -> list[tuple[Episode, ...]]:
    """Those of one signal and one key, as far as their times touch."""
    groups: list[list[Episode]] = []
    ends: list[float] = []
    last: dict[tuple[int, tuple[str, ...]], int] = {}
    for one in sorted(episodes, key=lambda episode: episode.since):
        key, end = (one.signal, keys[one.edge]), float("inf") if one.until is None else one.until
        at = last.get(key)
        if at is None or one.since >= ends[at]:
            at = last[key] = len(groups)
            groups.append([])
            ends.append(end)
        groups[at].append(one)
        ends[at] = max(ends[at], end)
    return [tuple(group) for group in groups]


def common_place(troubled: Sequence[str], everywhere: Sequence[str], servers: Sequence[str]) -> str:
    """The place (a zone, a node) that FEW servers' troubles share, and most of all troubles, but not most of all edges; empty: none.

    `troubled`, `servers`: the place and the server of each edge in trouble; `everywhere`: the places of all edges.
    """
    for place, count in Counter(troubled).most_common(1):
        here = {server for server, at in zip(servers, troubled, strict=True) if at == place}
        if place and len(here) >= FEW and count >= _MOST * len(troubled) and everywhere.count(place) <= _HALF * len(everywhere):
            return place
    return ""
