"""The two clocks: wall time for people, monotonic time for the kernel's stamps, and the bridge between them."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLES = 7


class Clock(Protocol):
    def now_us(self) -> int:
        """Wall time, UTC microseconds since the epoch."""

    def offset_ns(self) -> int:
        """What to add to CLOCK_MONOTONIC nanoseconds to get UTC nanoseconds, as of this moment."""


class SystemClock:
    def now_us(self) -> int:
        return time.time_ns() // 1000

    def offset_ns(self) -> int:
        """The tightest of several samples: a sample during which the process was preempted is wide, and loses."""
        return min(_sample() for _ in range(SAMPLES))[1]


def _sample() -> tuple[int, int]:
    before = time.monotonic_ns()
    wall = time.time_ns()
    after = time.monotonic_ns()
    return after - before, wall - (before + after) // 2


def to_utc_us(monotonic_ns: NDArray[np.uint64], offset_ns: int) -> NDArray[np.int64]:
    """A column of kernel stamps as UTC microseconds."""
    micros: NDArray[np.int64] = (monotonic_ns.astype(np.int64) + offset_ns) // 1000
    return micros
