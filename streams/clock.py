"""Clocks: wall time in UTC microseconds, and monotonic microseconds, which setting the wall clock does not move."""

from __future__ import annotations

import time


def now_us() -> int:
    """UTC microseconds since the epoch."""
    return time.time_ns() // 1_000


def elapsed_us() -> int:
    """Microseconds since some moment, for differences alone."""
    return time.monotonic_ns() // 1_000
