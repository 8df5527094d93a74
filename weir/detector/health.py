"""Whether a detector is well, for probes: by the thread that leads or waits, which says what it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prometheus_client import generate_latest

from producers.observe.responder import Page, Responder

STUCK_SECONDS = 900.0
"""A step takes seconds: one that takes so long will not end."""


class Health:
    """Any thread may ask; `says` is called by one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said, self._well, self._at = "starting", False, clock()

    def says(self, line: str, *, well: bool = True) -> None:
        with self._lock:
            self._said, self._well, self._at = line, well, self._clock()

    def fit(self) -> tuple[bool, str]:
        with self._lock:
            return self._well and self._clock() - self._at < STUCK_SECONDS, self._said

    def alive(self) -> tuple[bool, str]:
        with self._lock:
            silent = self._clock() - self._at
            return silent < STUCK_SECONDS, f"{self._said}; {silent:.0f} s ago"


def serve(address: str, port: int, health: Health) -> Responder:
    """`/metrics`, `/health` and `/health/live`, until it is closed."""
    pages = {
        "/metrics": lambda: Page(generate_latest().decode(), content_type="text/plain; version=0.0.4; charset=utf-8"),
        "/health": lambda: _page(health.fit()),
        "/health/live": lambda: _page(health.alive()),
    }
    responder = Responder(address, port, pages)
    responder.start()
    return responder


def _page(verdict: tuple[bool, str]) -> Page:
    well, line = verdict
    return Page(f"{line}\n", 200 if well else 503)
