"""The ownership map behind one lock: one thread learns while another looks up."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from schemas.columns import FlowBatch
from schemas.events import IpEvent
from schemas.ownership_records import Ownership
from streams import metrics
from streams.ownership import OwnershipMap
from streams.stages import stage
from streams.statements import heard, sighted, together, told
from streams.telling import Told, tell


class SharedOwnership:
    """`network` is for batches that name none."""

    def __init__(self, known: OwnershipMap, network: str) -> None:
        self._known = known
        self._network = network
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[OwnershipMap]:
        """The map, standing still."""
        with self._lock:
            yield self._known

    def learn(self, batches: Sequence[FlowBatch], records: Sequence[Ownership], events: Sequence[IpEvent]) -> list[Told]:
        """Take in heartbeats, what other workers told, and events. Returns what the heartbeats changed, to be told to others."""
        with self._lock, stage("learn"):
            if events:
                self._known.learn_events(events)
            if records:
                self._known.learn(told(records))
            changed = self._known.learn(together(heard(batches, self._network), sighted(batches, self._network)))
            metrics.OWNERSHIP_RANGES.set(self._known.size)
            return tell(self._known.ranges_of(changed)) if len(changed) else []

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended before; bounds the map."""
        with self._lock:
            dropped = self._known.forget(before_us)
            metrics.OWNERSHIP_RANGES.set(self._known.size)
            metrics.OWNERSHIP_BYTES.set(self._known.memory_bytes)
            return dropped

    @property
    def size(self) -> int:
        with self._lock:
            return self._known.size
