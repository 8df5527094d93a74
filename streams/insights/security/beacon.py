"""Beacons: a client that calls an external end again and again, as regularly as a clock, since it was not known to it before.

The scores are RITA's (activecm/rita: beacon scoring, version 5): skewness and spread of the intervals, spread of the sizes, each 0 to 1. In
place of its histogram: the share of intervals near the median.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records.finding import FindingKey, Sighting
from streams.insights.security.external import COMMON, end_name
from streams.insights.security.lives import Lives, is_expected, is_fresh
from streams.insights.security.new_edge import Callers
from streams.insights.security.sighted import Seen, key_of, sighting

SPAN_S = 86_400
FEWEST, FEWEST_LONG, LONG_S = 24, 12, 6 * 3_600
"""So many beats; the second where they go on for LONG_S."""
MOST = 2_000
SHORTEST_WINDOWS = 6
"""A shorter period than so many windows is not told from chance."""
LONGEST_S = 4_200
SCORE = 0.75
NEAR, NEAR_SHARE = 0.4, 0.8
"""The share of intervals within 40 % of the median: 28 % of those that come by chance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """`period_s`: the median of the intervals."""

    beats: int
    period_s: float
    first_s: int
    last_s: int
    score: float


def rhythm(at_s: Sequence[int] | Floats, sizes: Sequence[int] | Floats, window_s: int) -> Rhythm | None:
    """Of the windows with traffic, in order, and the bytes sent in each; None where there are too few, or no regularity.

    A window that follows upon another belongs to the same beat.
    """
    times = np.asarray(at_s, np.float64)
    begins = np.flatnonzero(np.diff(times, prepend=-np.inf) > window_s)
    beats, bytes_ = times[begins], np.add.reduceat(np.asarray(sizes, np.float64), begins) if len(begins) else np.empty(0)
    lasted_s = float(beats[-1] - beats[0]) if len(beats) else 0.0
    if len(beats) < (FEWEST_LONG if lasted_s >= LONG_S else FEWEST):
        return None
    intervals = np.sort(np.diff(beats))
    period_s = _quantile(intervals, 0.5)
    near = float(np.count_nonzero(np.abs(intervals - period_s) <= NEAR * period_s)) / len(intervals)
    if not SHORTEST_WINDOWS * window_s <= period_s <= LONGEST_S or near < NEAR_SHARE:
        return None
    score = (2 - abs(_skewness(intervals)) - _spread(intervals) + 1 - _spread(np.sort(bytes_)) + near) / 4
    return Rhythm(len(beats), period_s, int(beats[0]), int(beats[-1]), score) if score >= SCORE else None


def _quantile(ordered: Floats, level: float) -> float:
    """Between the two nearest, as numpy's."""
    place = level * (len(ordered) - 1)
    low = int(place)
    return float(ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low))


def _skewness(ordered: Floats) -> float:
    """Bowley's; 0 where quartiles fall together."""
    low, middle, high = (_quantile(ordered, level) for level in (0.25, 0.5, 0.75))
    return 0.0 if middle in (low, high) else (low + high - 2 * middle) / (high - low)


def _spread(ordered: Floats) -> float:
    """The median distance from the median, as a share of it, at most 1."""
    middle = _quantile(ordered, 0.5)
    return min(1.0, _quantile(np.sort(np.abs(ordered - middle)), 0.5) / middle) if middle > 0 else 0.0


@dataclass(frozen=True)
class Beating:
    """A regular client and its end."""

    network: str
    client: str
    domain: str
    address: str
    service_port: int
    rhythm: Rhythm

    @property
    def key(self) -> FindingKey:
        return key_of("beacon", self.network, self.client, end_name(self.domain, self.address), self.service_port)


def beating(beats: pa.Table) -> tuple[Beating, ...]:
    """`beats`: network, client, domain, address, service_port, window_s, and at_s and sizes, lists: external ends with few windows
    in SPAN_S.
    """
    if not beats.num_rows:
        return ()
    named = beats.drop_columns(["at_s", "sizes"]).to_pylist()
    heard = (
        rhythm(at_s, sizes, row["window_s"]) for at_s, sizes, row in zip(_lists(beats, "at_s"), _lists(beats, "sizes"), named, strict=True)
    )
    return tuple(
        Beating(row["network"], row["client"], row["domain"], row["address"], row["service_port"], one)
        for row, one in zip(named, heard, strict=True)
        if one
    )


def _lists(table: pa.Table, name: str) -> list[Floats]:
    column = table.column(name).combine_chunks()
    offsets = np.asarray(column.offsets)
    values = np.asarray(column.values, np.float64)
    return [values[begin:end] for begin, end in zip(offsets[:-1], offsets[1:], strict=True)]


@dataclass(frozen=True)
class Known:
    """What was there before the span: `callers` of domains, and `met`, addresses: network, client, address, port.

    `since_s`: of network, client and first beat: since when the client has the oldest of the addresses that it has an hour after.
    """

    callers: Callers
    met: Collection[tuple[str, str, str, int]]
    since_s: Mapping[tuple[str, str, int], int]


def beacons(found: Sequence[Beating], known: Known, lives: Lives, opened: Mapping[FindingKey, object]) -> tuple[Sighting, ...]:
    """An end that the client used before the span, that others use, or that came with a new version is no beacon; an open one stays one."""
    regular: dict[tuple[str, str], int] = {}
    for one in found:
        end = (one.network, one.domain or one.address)
        regular[end] = regular.get(end, 0) + 1
    return tuple(
        _sighting(one)
        for one in found
        if one.key in opened or regular[one.network, one.domain or one.address] <= COMMON and _is_new(one, known, lives)
    )


def _is_new(one: Beating, known: Known, lives: Lives) -> bool:
    first_s = one.rhythm.first_s
    if is_fresh(first_s, known.since_s.get((one.network, one.client, first_s), 0)) or is_expected(lives, one.network, one.client, first_s):
        return False
    if not one.domain:
        return (one.network, one.client, one.address, one.service_port) not in known.met
    callers = known.callers.get((one.network, one.domain, 0), frozenset())
    return one.client not in callers and len(callers) < COMMON


def _sighting(one: Beating) -> Sighting:
    heard = one.rhythm
    key = one.key
    sentence = f"{one.client} called {key.peer} on port {one.service_port} {heard.beats} times, every {heard.period_s:,.0f} s."
    evidence = {"beats": heard.beats, "period_s": heard.period_s, "score": round(heard.score, 2), "address": one.address}
    return sighting(key, "warning", Seen(heard.first_s, heard.last_s + 1, heard.beats), sentence, evidence)
