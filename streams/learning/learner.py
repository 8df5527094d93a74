"""What a worker knows of who owned which address when, and how it stays the same in every worker.

One thread with one consumer of its own, outside the group:
  1. before anything is named, it reads `weir.ownership` and `weir.ip-events` to their ends;
  2. it reads ahead on the partitions of `weir.flows` that the worker was assigned, from their committed offsets: batches
     are heartbeats too. Flows stay in Kafka until the group's consumer takes them;
  3. what it learns it publishes on `weir.ownership`, ranges first, then the partition's watermark;
  4. what other workers publish there it learns as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from schemas import topics
from schemas.errors import Unavailable, Unreadable, WeirError
from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import Ownership, Watermark
from schemas.records.validation import INSTANT_LIMIT_US
from schemas.wire.codec import decode_ip_event, decode_ownership, decode_watermark, encode_watermark
from schemas.wire.framing import Framer
from streams.clock import elapsed_us, now_us
from streams.intake.decode import MessageDecoder
from streams.intake.hold import HoldRule, NodeWatermarks, PartitionWatermark
from streams.learning.lookahead_consumer import LookaheadConsumer
from streams.outputs.ip_event_writer import IpEventWriter
from streams.outputs.producer import BlockingProducer, Record
from streams.ownership.changelog import ChangelogRecord
from streams.ownership.locked_map import LockedOwnershipMap

logger = logging.getLogger(__name__)
T = TypeVar("T")
_POLL_SECONDS = 0.1
_RETRY_SECONDS = 2.0
_WATERMARK_EVERY_US = 500_000
_FORGET_EVERY_US = 60_000_000
_FETCH_LAG_US = 100_000
"""A message may be in Kafka this long before an idle fetch hands it over: "all read" speaks of a moment this long ago."""
_TELLER = "weir-worker"
"""The header of weir.ownership's messages that says which worker wrote them."""
_NOBODY_ALIVE_US = INSTANT_LIMIT_US - 1


@dataclass
class _Lessons:
    """What one poll brought, sorted by kind. Row i of the first three columns is one batch."""

    batches: list[FlowBatch] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)
    arrived_us: list[int] = field(default_factory=list)
    records: list[Ownership] = field(default_factory=list)
    events: list[IpEvent] = field(default_factory=list)
    watermarks: list[Watermark] = field(default_factory=list)


class OwnershipLearner(threading.Thread):
    """`ready` is set once what Kafka kept has been read. `failed` holds the error that ended the thread, if one did."""

    def __init__(
        self,
        bootstrap: str,
        security: dict[str, str],
        framer: Framer,
        intake: MessageDecoder,
        store: LockedOwnershipMap,
        event_writer: IpEventWriter,
        rule: HoldRule,
        worker: str,
        flow_partitions: int,
        retention_us: int,
    ) -> None:
        super().__init__(name="knowledge", daemon=True)
        self.ready = threading.Event()
        self.failed: BaseException | None = None
        self.read_to: dict[tuple[str, int], int] = {}  # by topic and partition; for other threads to look at
        self._stop_wanted = threading.Event()
        self._framer = framer
        self._intake = intake
        self._store = store
        self._event_writer = event_writer
        self._rule = rule
        self._worker = worker
        self._teller = ((_TELLER, worker.encode()),)
        self._flow_partitions = flow_partitions
        self._retention_us = retention_us
        self._reader = LookaheadConsumer(bootstrap, security, f"{worker}.knowledge")
        self._consumer = self._reader.consumer
        self._delivery = BlockingProducer(bootstrap, security, self._stop_wanted.is_set, "learner_producer")
        self._lock = threading.Lock()
        self._wanted: dict[int, int] = {}
        self._own: dict[int, NodeWatermarks] = {}
        self._others: dict[int, tuple[PartitionWatermark, int]] = {}
        self._ready_us = 0
        self._at_end: set[tuple[str, int]] = set()
        self._watermarks_due_us = 0
        self._forget_due_us = elapsed_us() + _FORGET_EVERY_US

    # Called from the worker's event loop.

    def follow(self, starts: dict[int, int]) -> None:
        """Read ahead on these partitions of weir.flows from these offsets, and on no others. Kept ones go on where they are."""
        with self._lock:
            self._wanted = dict(starts)

    def progress(self) -> list[PartitionWatermark] | None:
        """Every partition whose learner is alive; None as long as nothing may be named yet.

        A partition of another worker that has been silent for the hold counts as dead: nothing more will come of waiting.
        """
        silent_since_us = elapsed_us() - self._rule.hold_us
        with self._lock:
            if not self.ready.is_set() or any(partition not in self._own for partition in self._wanted):
                return None
            own = [reports.progress() for partition, reports in self._own.items() if partition in self._wanted]
            others = [heard for p, (heard, at_us) in self._others.items() if p not in self._wanted and at_us >= silent_since_us]
            unheard = len(self._wanted) + len(others) < self._flow_partitions
        return None if unheard and self._ready_us >= silent_since_us else own + others

    def close(self) -> None:
        self._stop_wanted.set()
        self.join(timeout=10)

    # The thread.

    def run(self) -> None:
        try:
            self._catch_up()
            while not self._stop_wanted.is_set():
                self._follow_wanted()
                self._publish(self._learn(self._poll()))
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
        partitions = [TopicPartition(topic, p, OFFSET_BEGINNING) for topic in _KEPT for p in self._partitions_of(topic)]
        ends = {(place.topic, place.partition): self._end_of(place) for place in partitions}
        self._consumer.assign(partitions)
        begun, said = time.monotonic(), 0.0
        while not self._has_read(ends) and not self._stop_wanted.is_set():
            self._learn(self._poll())
            if time.monotonic() - begun > said + 5:
                said = time.monotonic() - begun
                logger.info("rebuilding ownership from Kafka: %d ranges after %.0f s", self._store.size, said)
        logger.info("ownership rebuilt from Kafka: %d ranges in %.1f s", self._store.size, time.monotonic() - begun)
        self._ready_us = elapsed_us()
        self.ready.set()

    def _partitions_of(self, topic: str) -> list[int]:
        while not self._stop_wanted.is_set():
            try:
                described = self._consumer.list_topics(topic, timeout=5).topics.get(topic)
            except KafkaException as error:  # gone again since the worker began
                logger.warning("Kafka does not tell of %s, waiting for it: %s", topic, error.args[0].str())
                described = None
            if described is not None and described.partitions:
                return list(described.partitions)
            self._stop_wanted.wait(1.0)
        return []

    def _end_of(self, place: TopicPartition) -> int:
        while not self._stop_wanted.is_set():
            try:
                return int(self._consumer.get_watermark_offsets(place, timeout=5)[1])
            except KafkaException as error:
                logger.warning("Kafka does not tell the end of %s, waiting for it: %s", place.topic, error.args[0].str())
            self._stop_wanted.wait(1.0)
        return 0

    def _has_read(self, ends: dict[tuple[str, int], int]) -> bool:
        """Up to these ends. Not "to where nothing comes any more": other workers' watermarks keep coming, and no end is ever told."""
        places = self._consumer.position([TopicPartition(*place) for place in ends])
        return all((p.topic, p.partition) in self._at_end or p.offset >= ends[p.topic, p.partition] for p in places)

    def _follow_wanted(self) -> None:
        with self._lock:
            wanted = dict(self._wanted)
            gone = [p for p in self._own if p not in wanted]
            new = {p: offset for p, offset in wanted.items() if p not in self._own}
            for partition in gone:
                del self._own[partition]
            self._own.update({partition: NodeWatermarks(self._rule.hold_us) for partition in new})
        if gone:
            self._consumer.incremental_unassign([TopicPartition(topics.FLOWS_TOPIC, p) for p in gone])
            self._at_end -= {(topics.FLOWS_TOPIC, p) for p in gone}
        if new:
            self._consumer.incremental_assign([TopicPartition(topics.FLOWS_TOPIC, p, offset) for p, offset in new.items()])

    def _poll(self) -> list[Message]:
        asked_us = now_us()
        messages = self._reader.take(_POLL_SECONDS)
        good = []
        for message in messages:
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                self._at_end.discard(place)
                self.read_to[place] = (message.offset() or 0) + 1
                good.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(place)
            elif not error.retriable() and error.fatal():
                raise Unavailable(f"Kafka cannot be read for ownership: {error.str()}")
        with self._lock:
            for partition, reports in self._own.items():
                if (topics.FLOWS_TOPIC, partition) in self._at_end:
                    reports.caught_up(asked_us - _FETCH_LAG_US)
        return good

    def _learn(self, messages: Iterable[Message]) -> list[ChangelogRecord]:
        """Returns what own batches taught, for the others."""
        lessons = _Lessons()
        for message in messages:
            try:
                self._read(message, lessons)
            except Unreadable as error:
                # A batch that cannot be read is dead-lettered by the worker that applies it; here it teaches nothing.
                logger.debug("%s:%d:%d teaches nothing: %s", message.topic(), message.partition(), message.offset(), error)
        self._event_writer.put(lessons.events)
        learned = self._store.learn(lessons.batches, lessons.records, lessons.events)
        with self._lock:
            for partition, batch, arrived_us in zip(lessons.partitions, lessons.batches, lessons.arrived_us, strict=True):
                if partition in self._own:
                    self._own[partition].report(batch.node_id, batch.window_end_us, arrived_us)
        for watermark in lessons.watermarks:
            self._hear(watermark)
        return learned

    def _read(self, message: Message, lessons: _Lessons) -> None:
        value = message.value()
        if value is None or self._is_own(message):
            return
        framed = self._patiently(lambda: self._framer.unframe(value))
        if framed.name == "FlowBatch":
            lessons.batches.append(self._intake.batch(framed))
            lessons.partitions.append(message.partition() or 0)
            lessons.arrived_us.append(min(message.timestamp()[1] * 1_000, now_us()))
        elif framed.name == "IpEvent":
            lessons.events.append(decode_ip_event(framed.body, framed.writer))
        elif framed.name == "Ownership":
            lessons.records.append(decode_ownership(framed.body, framed.writer))
        elif framed.name == "Watermark":
            lessons.watermarks.append(decode_watermark(framed.body, framed.writer))

    def _is_own(self, message: Message) -> bool:
        """What this worker told the others teaches it nothing: it is not even decoded."""
        return message.topic() == topics.OWNERSHIP_TOPIC and self._teller[0] in (message.headers() or ())

    def _hear(self, watermark: Watermark) -> None:
        if watermark.worker == self._worker:
            return
        reported_us = None if watermark.reported_until_us >= _NOBODY_ALIVE_US else watermark.reported_until_us
        with self._lock:
            self._others[watermark.partition] = (PartitionWatermark(reported_us, watermark.read_until_us), elapsed_us())

    def _publish(self, learned: list[ChangelogRecord]) -> None:
        """Ranges before watermarks: who hears a watermark has heard the ranges that it stands for."""
        frame = self._framer.frame
        records = self._patiently(lambda: [self._record(told.key, frame("Ownership", told.body)) for told in learned])
        if elapsed_us() >= self._watermarks_due_us:
            self._watermarks_due_us = elapsed_us() + _WATERMARK_EVERY_US
            records += self._watermark_records()
        if records:
            self._delivery.post(records)

    def _forget(self) -> None:
        """Bound the map: drop ranges that ended the retention before the oldest moment that a live node speaks of.

        Measured by the data's time, not the clock's: a recording of last year is as good as today's traffic.
        """
        if elapsed_us() < self._forget_due_us:
            return
        self._forget_due_us = elapsed_us() + _FORGET_EVERY_US
        with self._lock:
            progress = [reports.progress() for reports in self._own.values()] + [heard for heard, _ in self._others.values()]
        reported_us = [known.reported_until_us for known in progress if known.reported_until_us is not None]
        if reported_us and (dropped := self._store.forget(min(reported_us) - self._retention_us)):
            logger.info("forgot %d ownership ranges beyond the retention", dropped)

    def _watermark_records(self) -> list[Record]:
        with self._lock:
            progress = {partition: reports.progress() for partition, reports in self._own.items()}
        records = []
        for partition, known in progress.items():
            reported_us = _NOBODY_ALIVE_US if known.reported_until_us is None else known.reported_until_us
            body = encode_watermark(Watermark(partition, reported_us, known.read_until_us, self._worker))
            records.append(self._record(f"@watermark/{partition}".encode(), self._frame("Watermark", body)))
        return records

    def _record(self, key: bytes, value: bytes) -> Record:
        return Record(topics.OWNERSHIP_TOPIC, key, value, self._teller)

    def _frame(self, name: str, body: bytes) -> bytes:
        return self._patiently(lambda: self._framer.frame(name, body))

    def _patiently(self, call: Callable[[], T]) -> T:
        """A schema registry that is away is waited for, as Kafka is. Raises Unavailable once the worker stops."""
        while True:
            try:
                return call()
            except Unavailable as error:
                logger.warning("waiting for the schema registry: %s", error)
                if self._stop_wanted.wait(_RETRY_SECONDS):
                    raise


_KEPT = (topics.OWNERSHIP_TOPIC, topics.IP_EVENTS_TOPIC)
