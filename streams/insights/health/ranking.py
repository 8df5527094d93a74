"""Findings as people read them: how bad it is now beside what is usual, in the order of the harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2

import numpy as np

from schemas.records.finding import HealthKind, Severity
from schemas.records.histogram import quantile_us
from streams.insights.health import bounds
from streams.insights.health.counts import Read
from streams.insights.health.course import Usuals
from streams.insights.health.grouping import FEW, Trouble, common_place
from streams.insights.health.signals import CONNECT, FAILURE, KINDS, RTT, SHARES, SILENCE, STEP_S, Floats

CRITICAL_SHARE = 0.1
_MEDIAN_ERRORS = 2.58

Figures = tuple[float | None, float | None, float | None, float | None]


@dataclass(frozen=True)
class Times:
    """(buckets): samples of the span and of the past."""

    now: Floats
    past: Floats


@dataclass(frozen=True)
class Places:
    """Where the ends of each edge are, by zones or by nodes; empty: not known, or in more than one."""

    client: Sequence[str]
    server: Sequence[str]


@dataclass(frozen=True)
class Ill:
    """`client` is empty where several show the same, `server` where it is of one client towards several: `clients` says of how many.

    `now`, `usual`, `low`, `high` (bounds of now): shares; of rtt and connect microseconds; of silence connections in 5 minutes. None: not
    known.
    `since_s`, `until_s`: UNIX seconds; None: it goes on.
    """

    network: str
    client: str
    server: str
    protocol: str
    service_port: int
    signal: HealthKind
    severity: Severity
    now: float | None
    usual: float | None
    low: float | None
    high: float | None
    bad: int
    tried: int
    excess: float
    clients: int
    servers: int
    since_s: int
    until_s: int | None
    fault: str
    refused: int
    timed_out: int
    sentence: str

    @property
    def harm(self) -> float:
        weight = 1.0 if self.signal == KINDS[SILENCE] else SHARES[KINDS.index(self.signal)].harm
        return weight * max(self.excess, 0.0) * log2(self.clients + 1)


def ranked(
    troubles: Sequence[Trouble], read: Read, usuals: Usuals, times: Mapping[Trouble, Times], places: Mapping[str, Places]
) -> list[Ill]:
    """The worst first: what is in excess, weighted by its harm, and by how many clients it touches."""
    found = ills_of(troubles, read, usuals, times, places)
    return sorted(found, key=lambda ill: (-ill.harm, ill.signal, ill.client, ill.server, ill.service_port))


def ills_of(
    troubles: Sequence[Trouble], read: Read, usuals: Usuals, times: Mapping[Trouble, Times], places: Mapping[str, Places]
) -> list[Ill]:
    """One a trouble, in their order: all must be given, as the place at fault is what most have in common. `places`: by kind, the
    narrowest first.
    """
    there, fault = _place_at_fault(troubles, read, places)
    return [_ill(one, read, usuals, times.get(one), fault if one in there else one.at) for one in troubles]


def _place_at_fault(troubles: Sequence[Trouble], read: Read, places: Mapping[str, Places]) -> tuple[frozenset[Trouble], str]:
    """The place that the servers of most troubles have in common, or their clients, with its kind, and those troubles.

    The many edges of one client say nothing of its place.
    """
    every = [one for one in troubles if one.signal != SILENCE]
    of_many = [one for one in every if not one.at.startswith("client ")]
    servers, clients = [edge.server for edge in read.edges], [edge.client for edge in read.edges]
    for kind, of_edge in places.items():
        for told, at, names in ((every, of_edge.server, servers), (of_many, of_edge.client, clients)):
            edges = [one.edge for trouble in told for one in trouble.episodes]
            place = common_place([at[edge] for edge in edges], at, [names[edge] for edge in edges])
            if place:
                return frozenset(trouble for trouble in told if any(at[one.edge] == place for one in trouble.episodes)), f"{kind} {place}"
    return frozenset(), ""


def _ill(trouble: Trouble, read: Read, usuals: Usuals, times: Times | None, fault: str) -> Ill:
    edges = [read.edges[one.edge] for one in trouble.episodes]
    first = edges[0]
    clients, servers = len({edge.client for edge in edges}), len({edge.server for edge in edges})
    now, usual, low, high = _figures(trouble, read, usuals, times)
    refused, timed_out = (_while(part, trouble, read) for part in (read.refused, read.timed_out))
    by_server, by_client = trouble.at.startswith("server "), trouble.at.startswith("client ")
    kind = KINDS[trouble.signal]
    severe = trouble.signal == SILENCE or trouble.signal == FAILURE and (clients >= FEW or (now or 0) >= CRITICAL_SHARE)
    ill = Ill(
        first.network, "" if by_server else first.client, "" if by_client else first.server, first.protocol,
        0 if by_client else first.service_port, kind, "critical" if severe else "warning", now, usual, low, high,
        round(trouble.bad), round(trouble.tried), round(trouble.excess, 1), clients, servers, trouble.since * STEP_S,
        None if trouble.until is None else trouble.until * STEP_S, fault, refused, timed_out, "",
    )  # fmt: skip
    return Ill(**{**ill.__dict__, "sentence": sentence(ill)})


def _figures(trouble: Trouble, read: Read, usuals: Usuals, times: Times | None) -> Figures:
    """Now, usual, and the bounds of now."""
    at = min(max(trouble.since - read.seen.first, 0), read.seen.bad.shape[2] - 1)
    if trouble.signal == SILENCE:
        steps = max(trouble.bad, 1.0)
        return 0.0, trouble.excess / steps, 0.0, -log(1 - bounds.CONFIDENCE) / steps
    spread = max(usuals.spread(one.signal, one.edge, at) for one in trouble.episodes)
    if trouble.signal in (RTT, CONNECT):
        return _median(times, spread)
    bad, tried = np.array([trouble.bad / spread]), np.array([trouble.tried / spread])
    usual = max(0.0, (trouble.bad - trouble.excess) / max(trouble.tried, 1.0))
    return trouble.bad / max(trouble.tried, 1.0), usual, float(bounds.lower(bad, tried)[0]), float(bounds.upper(bad, tried)[0])


def _median(times: Times | None, spread: float) -> Figures:
    """Bounds of a median are quantiles as far from the middle as its rank may be by chance."""
    if times is None or not times.now.sum():
        return None, None, None, None
    error = _MEDIAN_ERRORS * 0.5 * (spread / times.now.sum()) ** 0.5
    now = times.now.tolist()
    low, middle, high = (quantile_us(now, level) for level in (max(0.0, 0.5 - error), 0.5, min(1.0, 0.5 + error)))
    return middle, quantile_us(times.past.tolist(), 0.5), low, high


def _while(values: Floats, trouble: Trouble, read: Read) -> int:
    """The sum over the steps of a trouble's edges, as far as they were read."""
    found = 0.0
    for one in trouble.episodes:
        end = None if one.until is None else max(0, one.until - read.seen.first)
        found += float(values[one.edge, max(0, one.since - read.seen.first) : end].sum())
    return round(found)


def sentence(ill: Ill) -> str:
    who = ill.client or f"{ill.clients} clients"
    where = f"{ill.server}:{ill.service_port}" if ill.server else f"{ill.servers} servers"
    way = f"from {who} to {where}"
    match ill.signal:
        case "failure":
            causes = f"; {ill.refused:,} were refused, {ill.timed_out:,} timed out" if ill.refused or ill.timed_out else ""
            return f"{ill.bad:,} of {ill.tried:,} connections {way} failed: {_share(ill.now)}, usually {_share(ill.usual)}{causes}."
        case "reset":
            return f"{ill.bad:,} of {ill.tried:,} connections {way} ended in a reset: {_share(ill.now)}, usually {_share(ill.usual)}."
        case "retransmit":
            return f"{ill.bad:,} of {ill.tried:,} packets {way} were sent again: {_share(ill.now)}, usually {_share(ill.usual)}."
        case "silence":
            silent = f"Nothing was tried {way} for {ill.tried * STEP_S // 60} minutes"
            return f"{silent}, where there are usually {ill.usual or 0:,.0f} connections in five."
        case "rtt":
            return f"A round trip {way} takes {_time(ill.now)}, usually {_time(ill.usual)}."
        case "connect":
            return f"A connection {way} takes {_time(ill.now)} to be made, usually {_time(ill.usual)}."


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else f"{100 * share:.3g} %"


def _time(time_us: float | None) -> str:
    return "an unknown time" if time_us is None else f"{time_us / 1_000:,.3g} ms"
