"""What is counted of an edge, and from where on it is an alarm. The figures are weir's own proposals unless a source is named."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.records.finding import HealthKind
from schemas.records.histogram import BOUNDS_US, BUCKETS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEP_S, HOUR_S, DAY_S, WEEK_S = 300, 3_600, 86_400, 604_800
SCALES = (1, 3, 6, 12, 24, 48)
"""Steps that are judged together, up to the one in question: what a busy edge shows in one, a quiet one shows in four hours."""
LOOKBACK = SCALES[-1]
PAST_S = 4 * WEEK_S


@dataclass(frozen=True)
class Signal:
    """An alarm needs `least` bad of `tried` in the window, and a lower bound above `ratio` times the usual and above it by `floor`.

    `own`: judged against the edge's own past alone, as there is no share that is normal for all. `harm`: of one bad in excess, beside that
    of a connection that failed. `spread`: how many times a coin's variance it has where nothing is known of it.
    `strength`: for so many tries the whole past of an edge counts at most, beside those of the same hour. `bursts`: one cause makes many.
    """

    kind: HealthKind
    floor: float
    ratio: float
    least: int
    tried: int
    own: bool
    harm: float
    spread: float
    strength: float
    bursts: bool


SHARES = (
    Signal("failure", floor=0.005, ratio=1.5, least=3, tried=0, own=False, harm=1.0, spread=1.5, strength=200.0, bursts=False),
    Signal("reset", floor=0.05, ratio=2.0, least=3, tried=0, own=True, harm=0.5, spread=1.5, strength=200.0, bursts=False),
    Signal("retransmit", floor=0.0002, ratio=1.5, least=5, tried=300, own=True, harm=0.01, spread=5.0, strength=100_000.0, bursts=True),
    Signal("rtt", floor=0.2, ratio=2.0, least=10, tried=30, own=True, harm=0.01, spread=5.0, strength=500.0, bursts=False),
    Signal("connect", floor=0.2, ratio=2.0, least=10, tried=30, own=True, harm=0.1, spread=5.0, strength=500.0, bursts=False),
)
"""Bad of tried: failed of opened and failed; reset of closed and reset; retransmits of packets sent; slow ones of a time's samples."""
KINDS: tuple[HealthKind, ...] = (*(signal.kind for signal in SHARES), "silence")
FAILURE, RESET, RETRANSMIT, RTT, CONNECT, SILENCE = range(len(KINDS))

_LEAST_SLOWER_US = 1_000
_SLOWER_BUCKETS = 2


def _slow_from() -> tuple[int, ...]:
    """By the bucket (from 0) of the usual median: the first bucket (from 0) whose samples are slow.

    Two buckets up is 1.4 to 2 times the median, so that a time that doubles makes half of the samples slow or more; and 1 ms up at least.
    """
    slower = (bisect_left(BOUNDS_US, low + _LEAST_SLOWER_US) for low in BOUNDS_US)
    return tuple(min(BUCKETS, max(bucket + _SLOWER_BUCKETS, at)) for bucket, at in enumerate(slower))


SLOW_FROM = _slow_from()


def by_signal(name: str) -> Floats:
    """A figure of each signal, to stand beside (signals, edges, steps)."""
    return np.array([getattr(signal, name) for signal in SHARES], np.float64)[:, None, None]
