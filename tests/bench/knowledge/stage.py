"""What a run of the bench is made on: Apache Kafka with weir's topics, workers, and a fleet that sends a window and waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.records.ownership import Watermark
from schemas.topics import FLOWS_TOPIC, OWNERSHIP_TOPIC
from schemas.wire.codec import decode_watermark
from schemas.wire.framing import Framer
from streams.clock import now_us
from tests.bench.knowledge.crew import LEARN_SECONDS, Crew, WorkerProcess
from tests.bench.knowledge.fleet import WINDOW_US, Fleet, FleetShape
from tests.bench.reference import reference_seconds
from tests.bench.worker.rig import Message, encoded, producer
from tests.support.kafka import KafkaServer
from tests.support.offsets import end_offsets
from tests.support.processes import run_weir, wait_for

_BACK_WINDOWS = 60
"""The data is of the last minutes: windows are sent as fast as they are learned."""
_SEND_SECONDS = 120
_READ_MESSAGES = 10_000
_READ_SECONDS = 30.0
_TAIL = 4
"""Watermarks of a partition that are looked for at the topic's end."""


@dataclass(frozen=True)
class Told:
    """What stands on weir.ownership between two offsets. `messages` and `bytes` by kind of record; bytes of keys and values."""

    messages: dict[str, int]
    bytes: dict[str, int]


@dataclass
class Stage:
    """`directory`: the broker's."""

    bootstrap: str
    directory: Path
    partitions: int
    producer: Producer

    @contextmanager
    def crew(self, count: int, prefix: str = "worker") -> Iterator[Crew]:
        """Workers that have read what Kafka kept, and follow nothing."""
        with ExitStack() as stack:
            names = (f"{prefix}-{number}" for number in range(count))
            crew = Crew([stack.enter_context(WorkerProcess(self.bootstrap, name, self.partitions)) for name in names])
            crew.start()
            yield crew

    def share(self, crew: Crew, tellers: int) -> None:
        """From the ends of the partitions, as a group does that has committed everything; returns once all know that."""
        crew.share(end_offsets(self.bootstrap, FLOWS_TOPIC), tellers)
        crew.wait(0, now_us())

    def window(self, crew: Crew, fleet: Fleet, churn: float | None = None, spread: float = 0.0) -> tuple[int, float]:
        """One more window of the fleet, sent and learned by all. Returns its heartbeats, and the seconds that it took by the clock.

        `spread`: seconds over which the sending is spread evenly; 0: at once.
        """
        heartbeats = 0
        messages = []
        for batch in fleet.next_window(churn):
            heartbeats += len(batch.heartbeats)
            messages += encoded([batch])
        begun = time.monotonic()
        for number, (key, value) in enumerate(messages):
            self.producer.produce(FLOWS_TOPIC, value, key)
            early = spread * number / len(messages) - (time.monotonic() - begun)
            if early > 0:
                self.producer.poll(0)
                time.sleep(early)
        assert self.producer.flush(_SEND_SECONDS) == 0, "Kafka did not take what was sent"
        crew.read_flows(end_offsets(self.bootstrap, FLOWS_TOPIC))  # a worker takes itself to have read what a slow fetch has still to bring
        crew.wait(fleet.window_us(fleet.windows), read_us := now_us())
        if len(crew.workers) == 1:  # what others have heard is on the topic; here there are none
            wait_for(lambda: self._all_told(read_us), LEARN_SECONDS, f"the worker's telling to be on {OWNERSHIP_TOPIC}", every=0.2)
        crew.read_ownership(self.ownership_end())
        return heartbeats, time.monotonic() - begun

    def _all_told(self, until_us: int) -> bool:
        """Whether the topic's end has watermarks that every partition was learned until then: what was learned was told before them."""
        end = self.ownership_end()
        marks = self._watermarks(max(0, end - _TAIL * self.partitions), end)
        return len({mark.partition for mark in marks if mark.read_until_us >= until_us}) == self.partitions

    def ownership_end(self) -> int:
        return end_offsets(self.bootstrap, OWNERSHIP_TOPIC)[0]

    def ownership_log_bytes(self) -> int:
        """On the broker's disk, as compressed by the workers: what went over the wire, once."""
        return sum(path.stat().st_size for path in (self.directory / "data" / f"{OWNERSHIP_TOPIC}-0").glob("*.log"))

    def told(self, begin: int, end: int) -> Told:
        """Read after the measuring. What compaction has removed is not there any more: it does not touch the newest segment."""
        told, framer = Told({}, {}), Framer()
        for key, value in self._messages(begin, end):
            kind = framer.unframe(value).name
            told.messages[kind] = told.messages.get(kind, 0) + 1
            told.bytes[kind] = told.bytes.get(kind, 0) + len(value) + len(key)
        return told

    def _watermarks(self, begin: int, end: int) -> Iterator[Watermark]:
        framer = Framer()
        for _, value in self._messages(begin, end):
            framed = framer.unframe(value)
            if framed.name == "Watermark":
                yield decode_watermark(framed.body, framed.writer)

    def _messages(self, begin: int, end: int) -> Iterator[Message]:
        """Of weir.ownership, tombstones left out."""
        settings = {"bootstrap.servers": self.bootstrap, "group.id": "bench", "enable.auto.commit": False, "log_level": 0}
        consumer, position = Consumer(settings), begin
        consumer.assign([TopicPartition(OWNERSHIP_TOPIC, 0, begin)])
        try:
            while position < end:
                some = consumer.consume(min(_READ_MESSAGES, end - position), _READ_SECONDS)
                assert some, f"nothing came from {OWNERSHIP_TOPIC} at {position} of {end}"
                for message in some:
                    assert message.error() is None, message.error()
                    position = (message.offset() or 0) + 1
                    if (value := message.value()) is not None:
                        yield message.key() or b"", value
        finally:
            consumer.close()


@contextmanager
def opened(folder: Path, partitions: int) -> Iterator[Stage]:
    with KafkaServer(folder / "broker") as kafka:
        run_weir("topics", "--flow-partitions", str(partitions), settings={"kafka_bootstrap": kafka.bootstrap})
        yield Stage(kafka.bootstrap, kafka.directory, partitions, producer(kafka.bootstrap))


def reference() -> float:
    """CPU seconds of the reference load, the median of three."""
    return median(reference_seconds() for _ in range(3))


def new_fleet(shape: FleetShape) -> Fleet:
    return Fleet(shape, (now_us() // WINDOW_US - _BACK_WINDOWS) * WINDOW_US)
