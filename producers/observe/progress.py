"""What the windows of this process came to, and whether they are taken in time. Noted by the thread that takes them, read by others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from bpf.probe import Lost
from producers.capture.collector import Account
from producers.observe.text_format import Histogram

LATE_WINDOWS = 2
GRACE_SECONDS = 5.0
CLOSE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Verdict(NamedTuple):
    """`line`: a sentence for people."""

    fit: bool
    line: str


class Progress:
    """Sums since this process began; `lost`: the kernel side's, since its programs were attached."""

    def __init__(self, window_seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_seconds = window_seconds
        self._clock = clock
        self._taken_at = clock()
        self.windows = self.missed = self.flows = self.packets = self.bytes = 0
        self.entries = self.domains = 0
        """Of the flow map, and of that of DNS answers, as the last window was taken."""
        self.lost: tuple[Lost, ...] = ()
        self.close_seconds = Histogram(CLOSE_SECONDS)

    def taken(self, account: Account, seconds: float) -> None:
        """A window was taken, which took so many seconds."""
        head = account.head
        self.windows += 1
        self.flows += head.flows
        self.packets += head.packets
        self.bytes += head.traffic_bytes
        self.entries, self.domains, self.lost = account.entries, account.domains, account.lost
        self.close_seconds.observe(seconds)
        self._taken_at = self._clock()

    @property
    def age(self) -> float:
        """Seconds since a window was taken, or since the start."""
        return self._clock() - self._taken_at

    def verdict(self) -> Verdict:
        age, length = self.age, self._window_seconds
        if age > LATE_WINDOWS * length + GRACE_SECONDS:
            line = f"No window was taken for {age:.0f} s, and a window has {length} s: the agent is stuck, or has no CPU."
            return Verdict(False, line)
        if not self.windows:
            return Verdict(True, f"Counting began {age:.0f} s ago, and the first window is not over.")
        return Verdict(True, f"Windows are taken in time, the last one {age:.0f} s ago.")
