"""Puts assigned and unassigned events into the tables: the ranges that `ownership` shows of them follow from them there.

Every worker reads all events, from the beginning whenever it starts, and writes all that it reads: the table is a set. So
nothing needs to be remembered of what was written, and a worker that dies leaves nothing out that others do not write.

Only so many events wait here. When ClickHouse is away for longer than that lasts, those that wait are let go of: whoever learned
them knows them still, and once ClickHouse answers all that is known is written again. Nobody waits for the writer but blocks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from schemas.errors import Unavailable
from schemas.records.ip_event import IpEvent
from schemas.records.tables import IP_EVENTS
from sinks.base import Sink
from streams.observe import metrics
from streams.retry import retried

logger = logging.getLogger(__name__)
_WAITING_LIMIT = 20_000
"""Events; as many again may be on their way."""
_SETTLE_SECONDS = 5.0


class _Work(NamedTuple):
    """`missed`: some of those before `events` were let go of. `reaches`: how many will have been written, of all that were put."""

    events: list[IpEvent]
    missed: bool
    reaches: int


class IpEventWriter(threading.Thread):
    """`known`: all events that are known, in parts: those of every `put` but the last at least. `failed`: what ended the thread."""

    def __init__(self, sink: Sink, known: Callable[[], Iterable[Sequence[IpEvent]]]) -> None:
        super().__init__(name="ip-events", daemon=True)
        self.failed: BaseException | None = None
        self._sink = sink
        self._known = known
        self._changed = threading.Condition()
        self._waiting: list[IpEvent] = []
        self._missed = False
        self._put = self._written = 0
        self._closing = threading.Event()

    def put(self, events: Sequence[IpEvent]) -> None:
        """Never waits. What was put before must be in `known` by now. Raises what ended the thread."""
        with self._changed:
            if self.failed is not None:
                raise self.failed
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

    def _write(self, events: Sequence[IpEvent]) -> None:
        """Tries on while ClickHouse is away. Raises Unavailable once the writer is closed."""
        rows = ip_events_table(events)
        retried("ClickHouse", lambda: self._sink.write_ip_events(rows), self._closing.wait)


def ip_events_table(events: Sequence[IpEvent]) -> pa.Table:
    columns = {
        "network": [event.network for event in events],
        "ip": [event.ip for event in events],
        "at": [event.at_us for event in events],
        "assigned": [event.assigned for event in events],
        "workload": [event.workload for event in events],
    }
    return pa.table(columns, schema=IP_EVENTS)
