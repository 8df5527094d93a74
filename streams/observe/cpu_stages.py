"""CPU time by stage, counted where the work is done, for the bench and for production alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import Counter

from streams.observe import metrics


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count this thread's CPU time under `name`."""
    begun = time.thread_time()
    try:
        yield
    finally:
        _counter(name).inc(time.thread_time() - begun)


@cache
def _counter(name: str) -> Counter:
    """Looked up once: decoding is counted by the message."""
    counter: Counter = metrics.STAGE_SECONDS.labels(name)
    return counter
