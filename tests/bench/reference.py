"""A fixed piece of work of the kinds that a worker does, measured beside it: figures of two runs on one machine are compared by it."""

from __future__ import annotations

import time
import zlib

import numpy as np

_ROWS = 1_000_000


def reference_seconds() -> float:
    """CPU seconds of this thread for: sorts and gathers of a million numbers, compression, and a loop of plain Python."""
    numbers = np.random.default_rng(7).integers(0, 2**63, _ROWS).astype(np.uint64)
    text = (numbers >> np.uint64(40)).tobytes()
    begun = time.thread_time()
    for _ in range(4):
        order = np.argsort(numbers)
        np.cumsum(numbers[order])
    zlib.compress(text, 1)
    total = 0
    for number in range(1_500_000):
        total += number & 7
    return time.thread_time() - begun
