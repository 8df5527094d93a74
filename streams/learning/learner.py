"""What a worker knows of who owned which address when, and how it stays the same in every worker.

One thread with one consumer of its own, outside the group:
  1. before anything is named, it reads `weir.ownership` and `weir.ip-events` to their ends;
  2. it reads ahead on the partitions of `weir.flows` that the worker was assigned, from their committed offsets, or from one
     hold ago where that is earlier, so that it knows which nodes are alive: batches are heartbeats too. Flows stay in Kafka
     until the group's consumer takes them;
  3. what it learns it publishes on `weir.ownership` (`streams.learning.telling`): changes first, then who went on, then the partition's
     watermark;
  4. what other workers publish there it learns as well; and what watchers tell on `weir.ip-events`, of whom a live one is waited for as
     nodes are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import Message

from schemas import headers, topics
from schemas.errors import Unavailable, Unreadable, WeirError
from schemas.failpoints import Point, reach
from schemas.records.cluster import ClusterRecord, ServiceAddress, WatcherWatermark
from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from schemas.records.node_place import NodePlace
from schemas.records.ownership import Ownership, Watermark
from schemas.wire.cluster_codec import CLUSTER_MESSAGES, decode_cluster_record
from schemas.wire.codec import decode_ip_event, decode_ownership, decode_watermark, encode_watermark
from schemas.wire.framing import Framed, Framer
from schemas.wire.ownership_codec import decode_changes, decode_leases, decode_node_place
from streams.clock import elapsed_us, now_us
from streams.intake.decode import MessageDecoder
from streams.intake.hold import PartitionWatermark
from streams.kafka import Kafka
from streams.learning.lookahead_consumer import LookaheadConsumer, Place
from streams.learning.telling import OwnershipTelling, home_of
from streams.learning.watcher_watermarks import WatcherWatermarks
from streams.learning.watermarks import Watermarks
from streams.outputs.ip_event_writer import IpEventWriter
from streams.outputs.producer import BlockingProducer, Record
from streams.ownership.locked_map import Learned, LockedOwnershipMap, Told
from streams.retry import retried

logger = logging.getLogger(__name__)
T = TypeVar("T")
_OWNERSHIP = Place(topics.OWNERSHIP_TOPIC, 0)
_POLL_SECONDS = 0.1
_WATERMARK_EVERY_US = 500_000
_FORGET_EVERY_US = 60_000_000
_FETCH_LAG_US = 100_000
"""A message may be in Kafka this long before an idle fetch hands it over: "all read" speaks of a moment this long ago."""
_NOTHING = Learned([], [])
_KEPT = (topics.OWNERSHIP_TOPIC, topics.IP_EVENTS_TOPIC)


@dataclass
class _Lessons:
    """What one poll brought, sorted by kind. Row i of the first three columns is one batch. `events`: all that came on weir.ip-events.
    `watched`: watermarks of watchers, and when they arrived.
    """

    batches: list[FlowBatch] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)
    arrived_us: list[int] = field(default_factory=list)
    records: list[Ownership] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    places: list[NodePlace] = field(default_factory=list)
    events: list[IpEvent | ClusterRecord] = field(default_factory=list)
    watched: list[tuple[WatcherWatermark, int]] = field(default_factory=list)
    watermarks: list[Watermark] = field(default_factory=list)


class OwnershipLearner(threading.Thread):
    """`ready` is set once what Kafka kept has been read. `failed` holds the error that ended the thread, if one did."""

    def __init__(
        self,
        kafka: Kafka,
        framer: Framer,
        intake: MessageDecoder,
        store: LockedOwnershipMap,
        event_writer: IpEventWriter,
        watermarks: Watermarks,
        worker: str,
        hold_us: int,
        retention_us: int,
    ) -> None:
        super().__init__(name="learner", daemon=True)
        self.ready = threading.Event()
        self.failed: BaseException | None = None
        self._stop_wanted = threading.Event()
        self._framer = framer
        self._intake = intake
        self._store = store
        self._event_writer = event_writer
        self._watermarks = watermarks
        self._watchers = WatcherWatermarks(hold_us)
        self._worker = worker.encode()
        self._telling = OwnershipTelling(store, self._frame, worker)
        self._silence_us = watermarks.silence_us
        self._plain_until_us = 0
        self._hold_us = hold_us
        self._retention_us = retention_us
        self._consumer = LookaheadConsumer(kafka, f"{worker}.learner", self._stop_wanted)
        self.read_to = self._consumer.read_to  # by topic and partition; for other threads to look at
        self._delivery = BlockingProducer(kafka, self._stop_wanted.is_set, "learner_producer")
        self._events: frozenset[Place] = frozenset()
        self._watermarks_due_us = 0
        self._forget_due_us = elapsed_us() + _FORGET_EVERY_US

    # Called from the worker's event loop.

    def follow(self, starts: dict[int, int]) -> None:
        """Read ahead on these partitions of weir.flows from these offsets, and on no others. Kept ones go on where they are."""
        self._watermarks.want(starts)

    def progress(self) -> list[PartitionWatermark] | None:
        """See `Watermarks.progress`; and of the live watchers, where there are any."""
        of_nodes = self._watermarks.progress()
        return None if of_nodes is None else of_nodes + self._watchers.progress()

    def close(self) -> None:
        self._stop_wanted.set()
        self.join(timeout=10)

    # The thread.

    def run(self) -> None:
        try:
            self._catch_up()
            while not self._stop_wanted.is_set():
                self._follow_wanted()
                self._publish(self._step())
                self._forget()
        except Unavailable as error:
            if not self._stop_wanted.is_set():
                self.failed = error
        except BaseException as error:  # the worker must end with it, not go on naming by old knowledge
            said = f"{type(error).__name__}: {error}".rstrip(".")
            self.failed = WeirError(f"Learning who holds which address came to an end ({said}): start the worker again.")
            self.failed.__cause__ = error
        finally:
            self._consumer.close()

    def _catch_up(self) -> None:
        """Read what Kafka kept of ownership and events before anything is named."""
        places = [place for topic in _KEPT for place in self._consumer.partitions_of(topic)]
        self._events = frozenset(place for place in places if place.topic == topics.IP_EVENTS_TOPIC)
        ends = {place: self._consumer.end_of(place) for place in places}
        for place in places:
            self._consumer.assign(place)
        begun, said = time.monotonic(), 0.0
        while not self._consumer.has_read(ends):
            self._step()
            self._publish(_NOTHING)  # watermarks of what is assigned, so that other workers wait for it
            if time.monotonic() - begun > said + 5:
                said = time.monotonic() - begun
                logger.info("rebuilding ownership from Kafka: %d ranges after %.0f s", self._store.size, said)
            if self._stop_wanted.is_set():
                return
        logger.info("ownership rebuilt from Kafka: %d ranges in %.1f s", self._store.size, time.monotonic() - begun)
        self._watermarks.ready()
        self.ready.set()

    def _follow_wanted(self) -> None:
        gone, new = self._watermarks.changes()
        if new:
            self._store.tell_places_anew()
        for partition in gone:
            self._consumer.unassign(Place(topics.FLOWS_TOPIC, partition))
            self._watermarks.unfollow(partition)
        for partition, committed in new.items():
            place, asked_us = Place(topics.FLOWS_TOPIC, partition), now_us()
            end = self._consumer.end_of(place)
            self._consumer.assign(place, self._start_of(place, committed, end, asked_us))
            self._watermarks.follow(partition, end, asked_us)

    def _start_of(self, place: Place, committed: int, end: int, asked_us: int) -> int:
        """Where to begin: behind what this worker has learned before, but a hold ago at the latest, to hear every node that is alive."""
        known = self.read_to.get(place, 0)
        unknown = max(committed, known) if known <= end else committed  # known beyond the end: of a topic that was deleted
        recent = self._consumer.offset_at(place, asked_us - self._hold_us)
        return unknown if recent is None else min(unknown, recent)

    def _step(self) -> Learned:
        """Poll and learn. What has been read is noted only once the map has it: in that instant flows may be named by it."""
        asked_us, asked_elapsed_us = now_us(), elapsed_us()
        messages = self._consumer.take(_POLL_SECONDS)
        learned = self._learn(messages)
        at_end, drained = self._consumer.at_end, self._consumer.drained
        # The queue is in the order of arrival: while it is not empty, what is at hand tells how far it has been read.
        until_us = asked_us if drained else max(map(_arrived_us, messages), default=0)
        offsets = {place.partition: offset for place, offset in self._consumer.positions.items() if place.topic == topics.FLOWS_TOPIC}
        ended = {place.partition for place in at_end if place.topic == topics.FLOWS_TOPIC}
        self._watermarks.learned(offsets, ended, until_us - _FETCH_LAG_US)
        if self._events and self._events <= at_end:
            self._watchers.caught_up(until_us - _FETCH_LAG_US)
        if drained and (_OWNERSHIP in at_end or any(message.topic() == topics.OWNERSHIP_TOPIC for message in messages)):
            self._watermarks.heard_until(asked_elapsed_us - _FETCH_LAG_US)
        return learned

    def _learn(self, messages: Iterable[Message]) -> Learned:
        """Returns what own batches taught, for the others."""
        lessons = _Lessons()
        for message in messages:
            try:
                self._read(message, lessons)
            except Unreadable as error:
                # A batch that cannot be read is dead-lettered by the worker that applies it; here it teaches nothing.
                logger.debug("%s:%d:%d teaches nothing: %s", message.topic(), message.partition(), message.offset(), error)
        self._event_writer.put(lessons.events)
        plainly = elapsed_us() < self._plain_until_us
        events = [event for event in lessons.events if isinstance(event, IpEvent)]
        services = [record for record in lessons.events if isinstance(record, ServiceAddress | WatcherWatermark)]
        taught = lessons.batches, lessons.records, events, lessons.told, lessons.partitions, lessons.places, services
        learned = self._store.learn(*taught, one_by_one=plainly)
        for partition, batch, arrived_us in zip(lessons.partitions, lessons.batches, lessons.arrived_us, strict=True):
            self._watermarks.report(partition, batch.node_id, batch.window_end_us, arrived_us)
        for watched, arrived_us in lessons.watched:
            self._watchers.report(watched, arrived_us)
        for watermark in lessons.watermarks:
            self._watermarks.hear(watermark)
        return learned

    def _read(self, message: Message, lessons: _Lessons) -> None:
        value = message.value()
        if value is None or self._is_own(message):
            return
        framed = self._patiently(lambda: self._framer.unframe(value))
        if framed.name == "FlowBatch":
            lessons.batches.append(self._intake.read_ahead(message, framed))
            lessons.partitions.append(message.partition() or 0)
            lessons.arrived_us.append(_arrived_us(message))
        elif framed.name == "IpEvent":
            lessons.events.append(decode_ip_event(framed.body, framed.writer))
        elif framed.name in CLUSTER_MESSAGES:
            record = decode_cluster_record(framed.name, framed.body, framed.writer)
            lessons.events.append(record)
            if isinstance(record, WatcherWatermark):
                lessons.watched.append((record, _arrived_us(message)))
        else:
            self._read_told(message, framed, lessons)

    def _read_told(self, message: Message, framed: Framed, lessons: _Lessons) -> None:
        """What another worker tells. One that tells no leases is told everything one by one, as long as it lives."""
        key, tells_leases = message.key() or b"", _header(message, headers.LEASES) is not None
        if framed.name == "OwnershipChanges":
            changes = decode_changes(framed.body, framed.writer)
            self._telling.remember(key, changes)
            lessons.told.append(Told(changes, home_of(key)))
        elif framed.name == "OwnershipLeases":
            lessons.told.append(Told(decode_leases(framed.body, framed.writer), home_of(key)))
        elif framed.name == "Ownership":
            told = [] if tells_leases else [decode_ownership(framed.body, framed.writer)]
            lessons.records += told
            self._telling.remember_single(key, [held.end_us for one in told for held in one.ranges], _arrived_us(message))
        elif framed.name == "NodePlace":
            lessons.places.append(decode_node_place(framed.body, framed.writer))
        elif framed.name == "Watermark":
            lessons.watermarks.append(decode_watermark(framed.body, framed.writer))
            if not tells_leases:
                self._plain_until_us = elapsed_us() + self._silence_us
                self._telling.singles_wanted(_arrived_us(message))

    def _is_own(self, message: Message) -> bool:
        """What this worker told the others teaches it nothing: it is not even decoded."""
        return message.topic() == topics.OWNERSHIP_TOPIC and _header(message, headers.WORKER) == self._worker

    def _publish(self, learned: Learned) -> None:
        """Changes, leases that rest on them, watermarks: one producer's messages to one partition are heard in their order, or none is."""
        if changes := self._telling.changes(learned):
            reach("learner.learned")
            self._tell(changes, "learner.changes_told")
        if elapsed_us() >= self._watermarks_due_us:
            self._watermarks_due_us = elapsed_us() + _WATERMARK_EVERY_US
            own = self._watermarks.own()
            partitions = {watermark.partition for watermark in own}
            if leases := self._telling.leases(partitions):
                self._tell(leases, "learner.leases_told")
            records = self._telling.holdings(partitions) + [self._watermark_record(watermark) for watermark in own]
            self._delivery.post(records)

    def _tell(self, records: list[Record], point: Point) -> None:
        self._delivery.post(records)
        reach(point, self._delivery.settle)

    def _forget(self) -> None:
        """Bound the map: drop ranges that ended the retention before the oldest moment that a live node speaks of.

        Measured by the data's time, not the clock's: a recording of last year is as good as today's traffic.
        """
        if elapsed_us() < self._forget_due_us:
            return
        self._forget_due_us = elapsed_us() + _FORGET_EVERY_US
        reported_us = self._watermarks.reported_by_all()
        if reported_us is None:
            return
        before_us = reported_us - self._retention_us
        if dropped := self._store.forget(before_us):
            logger.info("forgot %d ownership ranges beyond the retention", dropped)
        partitions = {watermark.partition for watermark in self._watermarks.own()}
        quiet_us = now_us() - self._retention_us
        self._delivery.post(self._telling.forget(before_us, quiet_us, partitions, self._watermarks.partitions))

    def _watermark_record(self, watermark: Watermark) -> Record:
        return self._telling.record(f"@watermark/{watermark.partition}".encode(), self._frame("Watermark", encode_watermark(watermark)))

    def _frame(self, name: str, body: bytes) -> bytes:
        return self._patiently(lambda: self._framer.frame(name, body))

    def _patiently(self, call: Callable[[], T]) -> T:
        """A schema registry that is away is waited for, as Kafka is. Raises Unavailable once the worker stops."""
        return retried("schema registry", call, self._stop_wanted.wait)


def _header(message: Message, name: str) -> bytes | None:
    value = dict(message.headers() or ()).get(name)
    return value if isinstance(value, bytes) else None


def _arrived_us(message: Message) -> int:
    return min(int(message.timestamp()[1]) * 1_000, now_us())
