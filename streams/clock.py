"""The wall clock, in one place."""

from __future__ import annotations

import time


def now_us() -> int:
    """UTC microseconds since the epoch."""
    return time.time_ns() // 1_000
