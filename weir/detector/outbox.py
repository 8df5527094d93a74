"""One receiver's way from the log: its notices in their order, each until it is delivered.

The log is the outbox: what is not delivered when a detector dies is told by the next, from the receiver's position on. A notice may come
twice, when the answer to it or the position was lost; its key is the same then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from schemas.errors import Unavailable
from schemas.failpoints import reach
from schemas.records.finding_change import FindingChange
from weir.detector import metrics
from weir.detector.http_post import Undelivered
from weir.detector.log import Entry, Written
from weir.detector.notices import Notice, Notices
from weir.detector.positions import Position, Positions

log = logging.getLogger("weir.detector")
LONGEST_SECONDS = 300.0
KEEP_SECONDS = 3_600.0
"""A position is put again after so long: Kafka forgets those of a group that nobody joins."""
_SAY_AFTER = (1, 5, 20)


class Receiver(Protocol):
    """`again_seconds`: how often `send` is called without a notice; None: never. `new_gets_open`: a new one is told of what is open."""

    name: str
    again_seconds: float | None
    new_gets_open: bool

    def restore(self, notice: Notice) -> None: ...

    def saw(self, change: FindingChange) -> None: ...

    def send(self, pending: Sequence[Notice]) -> int:
        """Delivers the next of the notices; how many. Raises Undelivered."""
        ...


def pause_seconds(tries: int) -> float:
    """Seconds to wait after so many failed tries: 1, 2, 4, ... LONGEST_SECONDS."""
    return min(LONGEST_SECONDS, 2.0 ** min(tries - 1, 20))


class Outbox(threading.Thread):
    """Delivers from `start` until `close`; `add` is called by the thread that leads."""

    def __init__(self, receiver: Receiver, positions: Positions, written: Written) -> None:
        """Raises Unavailable where the position cannot be read, or a new one cannot be kept."""
        super().__init__(name=receiver.name, daemon=True)
        self._receiver, self._positions = receiver, positions
        known = positions.get()
        self._position = known or Position(written.end, 0 if receiver.new_gets_open else written.end)
        if known is None:
            positions.put(self._position)
        self._notices = Notices(self._position.since)
        self._pending: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._over = False
        self._kept_at = time.monotonic()
        for entry in written.entries:
            self._take(entry)

    @property
    def pending(self) -> int:
        return len(self._pending)

    def add(self, entries: Sequence[Entry]) -> None:
        with self._changed:
            for entry in entries:
                self._take(entry)
            self._changed.notify()

    def close(self) -> None:
        """Returns when it delivers no more, or after a while where a receiver hangs: what it is told then is a repeat for the next."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self.is_alive():
            self.join(2.0)

    def run(self) -> None:
        tries = 0
        wait = 0.0  # what fires is posted at the beginning
        while self._await(wait, at_once=not tries):
            try:
                self.deliver()
                tries, wait = 0, self._receiver.again_seconds or KEEP_SECONDS
            except Undelivered as error:
                tries += 1
                wait = self._failed(tries, error)

    def deliver(self) -> None:
        """The next notices, and where the receiver stands then. Raises Undelivered."""
        with self._changed:
            pending = tuple(self._pending)
        count = self._receiver.send(pending)
        if count:
            reach("notice.delivered")
        self._delivered(pending[:count])

    def _take(self, entry: Entry) -> None:
        notice = self._notices.of(entry)
        if notice is None:
            self._receiver.saw(entry.change)
        elif notice.offset < self._position.next:
            self._receiver.restore(notice)
        else:
            self._pending.append(notice)
        metrics.PENDING.labels(self._receiver.name).set(len(self._pending))

    def _await(self, seconds: float, *, at_once: bool) -> bool:
        """Whether to go on, after so long; earlier where there is a notice and `at_once`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._over and not (at_once and self._pending):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return not self._over

    def _failed(self, tries: int, error: Undelivered) -> float:
        metrics.FAILURES.labels(self._receiver.name).inc()
        wait = pause_seconds(tries)
        if tries in _SAY_AFTER or tries % 100 == 0:
            log.warning("The %s takes nothing (%s); it is tried again in %g s, %d wait.", self._receiver.name, error, wait, self.pending)
        return wait

    def _delivered(self, notices: Sequence[Notice]) -> None:
        metrics.DELIVERIES.labels(self._receiver.name).inc(len(notices))
        with self._changed:
            for _ in notices:
                self._pending.popleft()
            metrics.PENDING.labels(self._receiver.name).set(len(self._pending))
            if self._over:
                return
        if notices:
            self._position = Position(notices[-1].offset + 1, self._position.since)
        elif time.monotonic() - self._kept_at < KEEP_SECONDS:
            return
        try:
            self._positions.put(self._position)
            self._kept_at = time.monotonic()
            reach("notice.kept")
        except Unavailable as error:
            log.warning("%s What was delivered may be told again.", error)
