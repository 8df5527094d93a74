"""A stand-in for what a worker of before leases says and reads on weir.ownership, on a thread; without a group, blocks and tables.

A stand-in, because the program itself is in the history alone, which a clone need not have. It speaks the protocol as it was:
  - it reads Ownership and Watermark messages of other workers, whatever headers they have; messages of other schemas teach nothing;
  - of the batches of a poll it tells, an Ownership message an address, all that is known of every address whose ranges changed;
  - then it tells a Watermark a partition. All that it tells has the header weir-worker, and no other.
What it shares with a worker of today is what leases left alone: the consumer, the watermarks, and a map that learns row by row.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable

from confluent_kafka import Message

from schemas import headers, topics
from schemas.records.flow_batch import FlowBatch
from schemas.records.ownership import Ownership
from schemas.wire.codec import decode_batch, decode_ownership, decode_watermark, encode_watermark
from schemas.wire.framing import Framer
from streams.clock import elapsed_us, now_us
from streams.kafka import Kafka
from streams.learning.lookahead_consumer import LookaheadConsumer, Place
from streams.learning.watermarks import Watermarks
from streams.outputs.producer import BlockingProducer, Record
from streams.ownership.changelog import ChangelogRecord, encode_changelog
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import concat, from_changelog, from_flows, from_heartbeats

_POLL_SECONDS = 0.1
_WATERMARK_EVERY_US = 500_000
_FETCH_LAG_US = 100_000


class OldWorker(threading.Thread):
    """`watermarks`: what it knows of all partitions, for other threads to look at. `failed`: what ended it, if something did."""

    def __init__(self, bootstrap: str, known: OwnershipMap, watermarks: Watermarks, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.failed: BaseException | None = None
        self.watermarks = watermarks
        self.lock = threading.Lock()
        self.known = known
        self._framer = Framer()
        self._stop_wanted = threading.Event()
        self._marks = ((headers.WORKER, name.encode()),)
        self._consumer = LookaheadConsumer(Kafka(bootstrap), name, self._stop_wanted)
        self._delivery = BlockingProducer(Kafka(bootstrap), self._stop_wanted.is_set)
        self._watermarks_due_us = 0

    def close(self) -> None:
        """Nothing is said from now on."""
        self._stop_wanted.set()
        self.join()

    def run(self) -> None:
        try:
            for place in self._consumer.partitions_of(topics.OWNERSHIP_TOPIC):
                self._consumer.assign(place)
            self.watermarks.ready()
            while not self._stop_wanted.is_set():
                self._follow_wanted()
                self._publish(self._step())
        except BaseException as error:
            self.failed = error
        finally:
            self._delivery.settle()
            self._consumer.close()

    def _follow_wanted(self) -> None:
        gone, new = self.watermarks.changes()
        for partition in gone:
            self._consumer.unassign(Place(topics.FLOWS_TOPIC, partition))
            self.watermarks.unfollow(partition)
        for partition, start in new.items():
            place, asked_us = Place(topics.FLOWS_TOPIC, partition), now_us()
            self.watermarks.follow(partition, self._consumer.end_of(place), asked_us)
            self._consumer.assign(place, start)

    def _step(self) -> list[ChangelogRecord]:
        asked_us, asked_elapsed_us = now_us(), elapsed_us()
        messages = self._consumer.take(_POLL_SECONDS)
        told = self._learn(messages)
        offsets = {place.partition: offset for place, offset in self._consumer.positions.items() if place.topic == topics.FLOWS_TOPIC}
        ended = {place.partition for place in self._consumer.at_end if place.topic == topics.FLOWS_TOPIC}
        self.watermarks.learned(offsets, ended if self._consumer.drained else (), asked_us - _FETCH_LAG_US)
        if self._consumer.drained:
            self.watermarks.heard_until(asked_elapsed_us - _FETCH_LAG_US)
        return told

    def _learn(self, messages: Iterable[Message]) -> list[ChangelogRecord]:
        """Other workers' watermarks last: what they stand for has been learned then."""
        batches: list[FlowBatch] = []
        records: list[Ownership] = []
        marks = []
        for message in messages:
            value = message.value()
            if value is None or self._marks[0] in (message.headers() or ()):
                continue
            framed = self._framer.unframe(value)
            if framed.name == "FlowBatch":
                batches.append(batch := decode_batch(framed.body, framed.writer))
                arrived_us = message.timestamp()[1] * 1_000
                self.watermarks.report(message.partition() or 0, batch.node_id, batch.window_end_us, arrived_us)
            elif framed.name == "Ownership":
                records.append(decode_ownership(framed.body, framed.writer))
            elif framed.name == "Watermark":
                marks.append(decode_watermark(framed.body, framed.writer))
        with self.lock:
            if records:
                self.known.learn(from_changelog(records))
            changed = self.known.learn(concat(from_heartbeats(batches), from_flows(batches)))
            told = encode_changelog(self.known.evidence.ranges_of(changed)) if len(changed) else []
        for mark in marks:
            self.watermarks.hear(mark)
        return told

    def _publish(self, told: Collection[ChangelogRecord]) -> None:
        records = [self._record(one.key, "Ownership", one.body) for one in told]
        if elapsed_us() >= self._watermarks_due_us:
            self._watermarks_due_us = elapsed_us() + _WATERMARK_EVERY_US
            own = self.watermarks.own()
            records += [self._record(f"@watermark/{mark.partition}".encode(), "Watermark", encode_watermark(mark)) for mark in own]
        self._delivery.post(records)

    def _record(self, key: bytes, name: str, body: bytes) -> Record:
        return Record(topics.OWNERSHIP_TOPIC, key, self._framer.frame(name, body), self._marks)
