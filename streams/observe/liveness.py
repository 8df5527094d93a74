"""Whether a worker gets anywhere: by what waits in Kafka and when it last committed, not by whether it runs.

Three answers, from what the other parts note here:
  - fit: nothing waits, or something was committed not long ago;
  - behind: something has waited beyond the hold and a while more, and nothing of its partition was committed. Servers may be
    away; that is waited for, and people should know;
  - stuck: behind for much longer, and no reason is known: no server is being waited for, no hold runs. It does not pass by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

STUCK_FACTOR = 3
"""A worker is stuck after so many times what it takes to be behind: longer than any call to a server may take."""


class Place(NamedTuple):
    """A partition of a topic, as Faust names it."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


@dataclass(frozen=True)
class Verdict:
    """`line`: one sentence for people. `fit`: a load balancer or a person may be content. `stuck`: only a new start helps."""

    fit: bool
    stuck: bool
    line: str


@dataclass
class _Partition:
    position: int
    moved_at: float  # committed last, or caught up last
    excused_at: float  # the same, or had a reason not to


class Liveness:
    """Noted by the worker's event loop, read by other threads. `patience`: seconds without a commit that are no news, the hold included."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._starting = "starting"
        self._partitions: dict[Place, _Partition] = {}
        self._waiting = ""
        self._waited_at = clock()
        self._ends: dict[Place, int] = {}
        self._seen_at = clock()
        self._idle = Verdict(True, False, "no partitions")

    def starting(self, what: str) -> None:
        """The worker is not at work yet: what it is at. Empty: it is at work."""
        with self._lock:
            self._starting, self._seen_at = what, self._clock()

    def moved(self, topic: str, partition: int, position: int) -> None:
        """The partition goes on from there: it was opened, or a block was committed."""
        now = self._clock()
        with self._lock:
            self._partitions[Place(topic, partition)] = _Partition(position, now, now)
            self._waiting = ""

    def held(self, topic: str, partition: int) -> None:
        """What is next of the partition has to wait, by rule."""
        with self._lock:
            if its := self._partitions.get(Place(topic, partition)):
                its.excused_at = self._clock()

    def waits_for(self, server: str, why: str) -> None:
        """A server was asked, and could not."""
        with self._lock:
            self._waiting, self._waited_at = f"waiting for {server}: {why}", self._clock()

    def saw_ends(self, ends: Mapping[Place, int]) -> None:
        """The offset behind the last message that is known of each partition. Called about every second, or the event loop hangs."""
        with self._lock:
            self._ends, self._seen_at = dict(ends), self._clock()

    def idle(self, why: str, *, by_right: bool) -> None:
        """The worker has no partitions. `by_right`: others have them all, and there are no more."""
        with self._lock:
            self._idle = Verdict(by_right, False, why)

    @property
    def has_partitions(self) -> bool:
        with self._lock:
            return bool(self._partitions)

    def forget(self) -> None:
        """The partitions are no longer this worker's."""
        with self._lock:
            self._partitions = {}
            self._idle = Verdict(True, False, "no partitions")

    def verdict(self) -> Verdict:
        """Asked every few seconds: that a partition is caught up is noted here."""
        now = self._clock()
        with self._lock:
            if self._starting:
                return Verdict(False, False, self._starting)
            silent = now - self._seen_at
            if silent > self._patience and all(self._ends.get(place, 0) <= its.position for place, its in self._partitions.items()):
                line = f"the worker's event loop has done nothing for {silent:.0f} s"
                return Verdict(False, silent > STUCK_FACTOR * self._patience, line)
            if not self._partitions:
                return self._idle
            behind = {place: max(0, self._ends.get(place, 0) - its.position) for place, its in self._partitions.items()}
            for place, messages in behind.items():
                if not messages:
                    self._partitions[place].moved_at = self._partitions[place].excused_at = now
            slowest, idle = self._slowest(now)
            if slowest is None or idle <= self._patience:
                return Verdict(True, False, f"{len(self._partitions)} partitions, {sum(behind.values())} messages to go")
            unexcused = now - max(min(its.excused_at for its in self._partitions.values()), self._waited_at)
            why = self._waiting or "no server is being waited for"
            line = f"{slowest} is {behind[slowest]} messages behind, and nothing of it was committed for {idle:.0f} s ({why})"
            return Verdict(False, unexcused > STUCK_FACTOR * self._patience, line)

    def _slowest(self, now: float) -> tuple[Place | None, float]:
        """The partition of which nothing was committed for longest, and for how long."""
        slowest = min(self._partitions, key=lambda place: self._partitions[place].moved_at, default=None)
        return slowest, 0.0 if slowest is None else now - self._partitions[slowest].moved_at
