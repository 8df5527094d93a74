"""Puts what comes on weir.ip-events into the tables: assigned and unassigned events, and what watchers tell of their clusters.

Every worker reads all of it, from the beginning whenever it starts, and writes all that it reads: the tables are sets. So
nothing needs to be remembered of what was written, and a worker that dies leaves nothing out that others do not write.

Only so many events wait here. When ClickHouse is away for longer than that lasts, those that wait are dropped: the ownership map has
them still, and once ClickHouse answers all that it knows is written again. It does not know workloads and labels of nodes: those that
still stand then come again with the watcher's next round. Blocks alone wait for the writer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from schemas.errors import Unavailable
from schemas.records.cluster import WatcherWatermark
from sinks.base import Sink
from streams.observe import metrics
from streams.outputs.event_tables import Event, tables_of
from streams.retry import retried

logger = logging.getLogger(__name__)
_WAITING_LIMIT = 20_000
"""Events; as many again may be on their way."""
_SETTLE_SECONDS = 5.0
_WATERMARK_EVERY_US = 10_000_000
"""A watermark that has moved by less is not written: there is one a second."""
_WATCHERS = 1_000


class _Work(NamedTuple):
    """`missed`: some of those before `events` were let go of. `reaches`: how many will have been written, of all that were put."""

    events: list[Event]
    missed: bool
    reaches: int


class IpEventWriter(threading.Thread):
    """`known`: all events, and all words on services, that are known, in parts: those of every `put` but the last at least. `failed`: what
    ended the thread.
    """

    def __init__(self, sink: Sink, known: Callable[[], Iterable[Sequence[Event]]]) -> None:
        super().__init__(name="ip-events", daemon=True)
        self.failed: BaseException | None = None
        self._sink = sink
        self._known = known
        self._changed = threading.Condition()
        self._waiting: list[Event] = []
        self._watermarks: dict[tuple[str, str], int] = {}
        self._missed = False
        self._put = self._written = 0
        self._closing = threading.Event()

    def put(self, read: Sequence[Event]) -> None:
        """Never waits. What was put before must be in `known` by now. Raises what ended the thread."""
        with self._changed:
            if self.failed is not None:
                raise self.failed
            events = [event for event in read if not isinstance(event, WatcherWatermark) or self._has_moved(event)]
            if self._waiting and len(self._waiting) + len(events) > _WAITING_LIMIT:
                self._waiting, self._missed = [], True
            self._waiting.extend(events)
            self._put += len(events)
            self._changed.notify_all()
            self._measure()

    def settle(self, timeout: float = _SETTLE_SECONDS) -> None:
        """Returns when all that was put before is in the tables. Raises Unavailable where that takes longer, and what ended the thread."""
        with self._changed:
            wanted = self._put
            settled = self._changed.wait_for(lambda: self._written >= wanted or self._is_over(), timeout)
            if self.failed is not None:
                raise self.failed
            if not settled or self._written < wanted:
                raise Unavailable(f"{wanted - self._written} ip events wait to be written to ClickHouse")

    def close(self) -> None:
        """What is waiting is still written, if ClickHouse answers."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self.join(timeout=10)

    def run(self) -> None:
        try:
            while work := self._next():
                if work.missed:
                    for part in self._known():
                        self._write(part)
                self._write(work.events)
                with self._changed:
                    self._written = work.reaches
                    self._changed.notify_all()
        except BaseException as error:  # the worker must end with it, not go on without its events
            with self._changed:
                self.failed = error
                self._changed.notify_all()

    def _is_over(self) -> bool:
        return self.failed is not None or self._closing.is_set()

    def _next(self) -> _Work | None:
        """What is waiting, as soon as something is; None when the writer is closed and has nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._missed or self._closing.is_set())
            work = _Work(self._waiting, self._missed, self._put)
            self._waiting, self._missed = [], False
            self._measure()
            return work if work.events or work.missed else None

    def _measure(self) -> None:
        metrics.fill("ip_events", len(self._waiting), _WAITING_LIMIT)

    def _has_moved(self, told: WatcherWatermark) -> bool:
        watcher = told.network, told.watcher
        before_us = self._watermarks.pop(watcher, None)
        moved = before_us is None or told.until_us >= before_us + _WATERMARK_EVERY_US
        self._watermarks[watcher] = before_us if before_us is not None and not moved else told.until_us
        if len(self._watermarks) > _WATCHERS:
            del self._watermarks[next(iter(self._watermarks))]
        return moved

    def _write(self, events: Sequence[Event]) -> None:
        """Tries on while ClickHouse is away. Raises Unavailable once the writer is closed."""
        for table, rows in tables_of(events):
            retried("ClickHouse", partial(self._sink.write_set, table, rows), self._closing.wait)
