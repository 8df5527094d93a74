"""The ownership map behind one lock: one thread learns while another looks up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from schemas.arrays import I64
from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import Ownership
from streams.observe import metrics
from streams.observe.cpu_stages import stage
from streams.ownership.changelog import ChangelogRecord, encode_changelog
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import concat, from_changelog, from_flows, from_heartbeats

logger = logging.getLogger(__name__)
_ROOM = 10
"""Of a full map, one part in so many is made free at once: the work is not done for each range."""
_EVENT_ADDRESSES = 5_000


class LockedOwnershipMap:
    """`network` is for batches that name none. `max_ranges`: beyond it the ranges that ended first are forgotten, and flows of
    that time have no name any more.
    """

    def __init__(self, known: OwnershipMap, network: str, max_ranges: int = 1 << 40) -> None:
        self._known = known
        self._network = network
        self._max_ranges = max_ranges
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[OwnershipMap]:
        """The map, standing still."""
        with self._lock:
            yield self._known

    def learn(self, batches: Sequence[FlowBatch], records: Sequence[Ownership], events: Sequence[IpEvent]) -> list[ChangelogRecord]:
        """Take in heartbeats, what other workers told, and events. Returns what the heartbeats changed, to be told to others."""
        with self._lock, stage("learn"):
            if events:
                self._known.learn_events(events)
            if records:
                self._known.learn(from_changelog(records))
            changed = self._known.learn(concat(from_heartbeats(batches, self._network), from_flows(batches, self._network)))
            learned = encode_changelog(self._known.evidence.ranges_of(changed)) if len(changed) else []
            self._make_room()
            self._measure()
            return learned

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended before; bounds the map."""
        with self._lock:
            dropped = self._forget(before_us)
            self._measure()
            metrics.OWNERSHIP_BYTES.set(self._known.memory_bytes)
            return dropped

    def events(self) -> Iterator[list[IpEvent]]:
        """All events known, in parts: the map goes on learning in between, and what comes meanwhile may be left out."""
        known, done = None, -1
        while True:
            with self._lock:
                if known is not self._known:  # numbers have been given out anew
                    known, done = self._known, -1
                left = known.evidence.with_events
                part: I64 = left[left > done][:_EVENT_ADDRESSES]
                told = known.evidence.events_of(part)
            if not len(part):
                return
            done = int(part[-1])
            yield told

    @property
    def size(self) -> int:
        with self._lock:
            return self._known.size

    def _forget(self, before_us: int) -> int:
        dropped = self._known.forget(before_us)
        if self._known.sparse:
            self._known = self._known.rebuilt()
        return dropped

    def _make_room(self) -> None:
        over = self._known.size - self._max_ranges
        if over > 0:
            dropped = self._forget(self._known.end_of_oldest(over + self._max_ranges // _ROOM))
            metrics.OWNERSHIP_DROPPED.inc(dropped)
            logger.warning("more than %d ownership ranges: the oldest %d are forgotten (WEIR_OWNERSHIP_RANGES)", self._max_ranges, dropped)

    def _measure(self) -> None:
        metrics.OWNERSHIP_RANGES.set(self._known.size)
        metrics.fill("ownership", self._known.size, self._max_ranges)
