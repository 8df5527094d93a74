"""Puts assigned and unassigned events into the tables: the ranges that `ownership` shows of them follow from them there.

Every worker reads all events, from the beginning whenever it starts, and writes all that it reads: the table is a set. So
nothing needs to be remembered of what was written, and a worker that dies leaves nothing out that others do not write.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from schemas.errors import Unavailable
from schemas.events import IpEvent
from sinks.protocol import Sink
from streams.small_tables import ip_events_table

logger = logging.getLogger(__name__)
_WAITING_LIMIT = 100_000
"""Events. Beyond it the reader of events waits: they stay in Kafka."""
_RETRY_SECONDS = 2.0
_SETTLE_SECONDS = 5.0


class EventWriter(threading.Thread):
    """`failed` holds the error that ended the thread, if one did."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(name="ip-events", daemon=True)
        self.failed: BaseException | None = None
        self._sink = sink
        self._changed = threading.Condition()
        self._waiting: list[IpEvent] = []
        self._put = self._written = 0
        self._closing = threading.Event()

    def put(self, events: Sequence[IpEvent]) -> None:
        """Waits while too much is waiting already, unless the writer is closed. Raises what ended the thread."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _WAITING_LIMIT or self._is_over())
            if self.failed is not None:
                raise self.failed
            self._waiting.extend(events)
            self._put += len(events)
            self._changed.notify_all()

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
            while events := self._next():
                self._write(events)
                with self._changed:
                    self._written += len(events)
                    self._changed.notify_all()
        except BaseException as error:  # the worker must end with it, not go on without its events
            with self._changed:
                self.failed = error
                self._changed.notify_all()

    def _is_over(self) -> bool:
        return self.failed is not None or self._closing.is_set()

    def _next(self) -> list[IpEvent]:
        """What is waiting, as soon as something is; empty when the writer is closed and has nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._closing.is_set())
            events, self._waiting = self._waiting, []
            self._changed.notify_all()
            return events

    def _write(self, events: Sequence[IpEvent]) -> None:
        """Tries on while ClickHouse is away. Raises Unavailable once the writer is closed."""
        rows, told = ip_events_table(events), False
        while True:
            try:
                return self._sink.write_ip_events(rows)
            except Unavailable as error:
                if not told:
                    logger.warning("ClickHouse does not take %d ip events, trying on: %s", len(events), error)
                told = True
                if self._closing.wait(_RETRY_SECONDS):
                    raise
