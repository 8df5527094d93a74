"""The ownership map behind one lock: one thread learns while another looks up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from zlib import crc32

import numpy as np

from schemas.arrays import I64
from schemas.records.cluster import ServiceAddress, WatcherWatermark
from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from schemas.records.node_place import NodePlace
from schemas.records.ownership import Ownership
from schemas.records.ownership_changes import OwnershipChanges, OwnershipLeases
from streams.columns.sorting import distinct
from streams.observe import metrics
from streams.observe.cpu_stages import stage
from streams.ownership.changelog import ChangelogRecord, encode_changelog
from streams.ownership.hearing import BatchHearing
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_changelog, from_flows, from_heartbeats
from streams.ownership.saying import leases_told, whole_slices
from streams.ownership.told import learn_told

logger = logging.getLogger(__name__)
_ROOM = 10
"""Of a full map, one part in so many is made free at once: the work is not done for each range."""
_EVENT_ADDRESSES = 5_000
_WHOLE_ROWS = 10_000
"""Holdings that one message tells, and those of one slice more."""
SHELVES = 8
"""The leases of a partition of weir.flows are told in so many messages, by a hash of the node."""


class Learned(NamedTuple):
    """What batches taught, to be told to others: changes in their order; if it was asked for, all that was said of, one by one; and where
    nodes are.
    """

    changes: list[OwnershipChanges]
    one_by_one: list[ChangelogRecord]
    places: Sequence[NodePlace] = ()


class Told(NamedTuple):
    """What another worker tells. `home`: the partition of weir.flows that it speaks of; -1: of several, maybe."""

    message: OwnershipChanges | OwnershipLeases
    home: int


class LockedOwnershipMap:
    """`network` and `region` are for batches that name none. `max_ranges`: beyond it the ranges that ended first are forgotten, and flows
    of that time have no name any more.
    """

    def __init__(self, known: OwnershipMap, network: str, max_ranges: int = 1 << 40, region: str = "") -> None:
        self._network, self._region = network, region
        self._max_ranges = max_ranges
        self._lock = threading.Lock()
        self._hold(known)

    @contextmanager
    def reading(self) -> Iterator[OwnershipMap]:
        """The map, standing still."""
        with self._lock:
            yield self._known

    def learn(
        self,
        batches: Sequence[FlowBatch],
        records: Sequence[Ownership],
        events: Sequence[IpEvent],
        told: Sequence[Told] = (),
        partitions: Sequence[int] = (),
        places: Sequence[NodePlace] = (),
        services: Sequence[ServiceAddress | WatcherWatermark] = (),
        *,
        one_by_one: bool = False,
    ) -> Learned:
        """Take in what other workers told, events, and heartbeats. Returns what the heartbeats changed, to be told to others.

        `partitions`: of weir.flows, where each batch stands. `places`: of nodes, as others told. `services`: what watchers told.
        """
        if not (batches or records or events or told or places or services):
            return Learned([], [])
        with self._lock, stage("learn"):
            if events:
                self._known.learn_events(events)
            if records:
                self._known.learn(from_changelog(records))
            if told:
                self._learn_told(told)
            self._known.services.learn(services)
            for place in places:
                self._known.places.learn(place)
            moved = self._known.places.hear(batches, self._region)
            changes, spoken = self._hearing.hear(batches, partitions)
            self._spoken.update(spoken.tolist())
            learned = self._one_by_one(batches) if one_by_one and batches else []
            self._make_room()
            self._measure()
            return Learned(changes, learned, moved)

    def tell_places_anew(self) -> None:
        """See `NodePlaces.tell_anew`."""
        with self._lock:
            self._known.places.tell_anew()

    def gone_places(self) -> list[NodePlace]:
        """See `NodePlaces.gone`."""
        with self._lock:
            return self._known.places.gone()

    def due_leases(self, partitions: Collection[int]) -> list[tuple[int, int, OwnershipLeases]]:
        """Partition, shelf and leases of all shelves of which a lease was spoken of since this was asked last."""
        with self._lock:
            table = self._known.evidence.leases
            spoken = np.array(sorted(self._spoken), np.int64)
            self._spoken.clear()
            shelves = self._marks()[spoken] % SHELVES
            due = sorted(set(zip(table.home[spoken].tolist(), shelves.tolist(), strict=True)))
            chosen = [(home, shelf, self._shelf(home, shelf, SHELVES)) for home, shelf in due if home in partitions]
            return [(home, shelf, leases_told(self._known, leases)) for home, shelf, leases in chosen if len(leases)]

    def whole(self, partition: int, shelf: int, shelves: int) -> list[OwnershipChanges]:
        """All that the nodes of one of the partition's `shelves` hold, in as many messages as it takes."""
        with self._lock:
            leases = self._shelf(partition, shelf, shelves)
            sizes = self._known.evidence.leases.counts(leases)
            part_of = (np.cumsum(sizes) - sizes) // _WHOLE_ROWS
            return [whole_slices(self._known, leases[part_of == part]) for part in distinct(part_of).tolist()]

    def contested(self, partitions: Collection[int], shelves: int) -> set[tuple[int, int]]:
        """Partition and shelf of what others have told of nodes of these partitions since this was asked last."""
        with self._lock:
            table = self._known.evidence.leases
            leases = np.array(sorted(self._retold), np.int64)
            self._retold.clear()
            places = zip(table.home[leases].tolist(), (self._marks()[leases] % shelves).tolist(), strict=True)
            return {(home, shelf) for home, shelf in places if home in partitions}

    def forget(self, before_us: int) -> int:
        """Drop ranges that ended before; bounds the map. Returns how many. What watchers told goes with them, though not where ranges have
        to make room: a watcher whose word reaches less far than they do may be alive.
        """
        with self._lock:
            dropped = self._forget(before_us)
            self._known.services.forget(before_us)
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
                left = known.evidence.events.addresses
                part: I64 = left[left > done][:_EVENT_ADDRESSES]
                told = known.evidence.events_of(part)
            if not len(part):
                return
            done = int(part[-1])
            yield told

    def services(self) -> list[list[ServiceAddress | WatcherWatermark]]:
        """All that is known of services, in parts."""
        with self._lock:
            return list(self._known.services.records())

    @property
    def size(self) -> int:
        with self._lock:
            return self._known.size

    def _forget(self, before_us: int) -> int:
        dropped = self._known.forget(before_us)
        if self._known.sparse:
            self._hold(self._known.rebuilt())
        else:
            self._hearing.forget()
        return dropped

    def _hold(self, known: OwnershipMap) -> None:
        """Numbers of an earlier map mean nothing in this one."""
        self._known = known
        self._hearing = BatchHearing(known, self._network)
        self._spoken: set[int] = set(range(len(known.evidence.leases)))
        self._retold: set[int] = set()
        self._marked: I64 = np.zeros(0, np.int64)

    def _learn_told(self, told: Sequence[Told]) -> None:
        spoken = learn_told(self._known, self._hearing.hashes, [one.message for one in told])
        for (message, home), leases in zip(told, spoken, strict=True):
            if isinstance(message, OwnershipChanges):
                self._retold.update(leases.tolist())
            if home >= 0:
                self._known.evidence.leases.home[leases] = home

    def _one_by_one(self, batches: Sequence[FlowBatch]) -> list[ChangelogRecord]:
        """All that is known of every address that the batches speak of."""
        evidence = self._known.evidence
        parts = (from_heartbeats(batches, self._network), from_flows(batches, self._network))
        ids = [evidence.find(part.names, part.network, part.ip, part.protocol, part.port) for part in parts]
        known = distinct(np.concatenate(ids))
        return encode_changelog(evidence.ranges_of(known[known >= 0]))

    def _shelf(self, partition: int, shelf: int, shelves: int) -> I64:
        """Leases of something, of the partition's nodes on the shelf."""
        table, marks = self._known.evidence.leases, self._marks()
        count = len(table)
        chosen = (table.home[:count] == partition) & (marks % shelves == shelf) & table.state[:count].any(axis=1)
        leases: I64 = np.flatnonzero(chosen)
        return leases

    def _marks(self) -> I64:
        """A hash of the node of each lease, the same in every process."""
        table, texts = self._known.evidence.leases, self._known.names.texts
        fresh = table.place[len(self._marked) : len(table), 1].tolist()
        if fresh:
            self._marked = np.concatenate((self._marked, np.array([crc32(texts[node].encode()) for node in fresh], np.int64)))
        return self._marked

    def _make_room(self) -> None:
        over = self._known.size - self._max_ranges
        if over > 0:
            dropped = self._forget(self._known.end_of_oldest(over + self._max_ranges // _ROOM))
            metrics.OWNERSHIP_DROPPED.inc(dropped)
            logger.warning("more than %d ownership ranges: the oldest %d are forgotten (WEIR_OWNERSHIP_RANGES)", self._max_ranges, dropped)

    def _measure(self) -> None:
        metrics.OWNERSHIP_RANGES.set(self._known.size)
        metrics.fill("ownership", self._known.size, self._max_ranges)
        places = self._known.places
        metrics.NODES.set(len(places))
        metrics.fill("nodes", len(places), places.max_nodes)
        metrics.NODES_REFUSED.inc(places.refused)
        places.refused = 0
        services = self._known.services
        metrics.fill("services", services.size, services.max_statements)
        metrics.SERVICES_DROPPED.inc(services.dropped)
        services.dropped = 0
