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
SCALES = (1, 3, 12, 48)
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
    Signal("failure", 0.005, 1.5, 3, 0, False, 1.0, 1.5, 200.0, False),
    Signal("reset", 0.05, 2.0, 3, 0, True, 0.5, 1.5, 200.0, False),
    Signal("retransmit", 0.0002, 1.5, 5, 300, True, 0.01, 5.0, 100_000.0, True),
    Signal("rtt", 0.2, 2.0, 10, 30, True, 0.01, 5.0, 500.0, False),
    Signal("connect", 0.2, 2.0, 10, 30, True, 0.1, 5.0, 500.0, False),
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
