"""What a run of the bench is made on: Apache Kafka with weir's topics, workers, and a fleet that sends a window and waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import FLOWS_TOPIC, OWNERSHIP_TOPIC
from schemas.wire.framing import Framer
from streams.clock import now_us
from tests.bench.knowledge.crew import Crew, WorkerProcess
from tests.bench.knowledge.fleet import WINDOW_US, Fleet, FleetShape
from tests.bench.reference import reference_seconds
from tests.bench.worker.rig import encoded, producer
from tests.support.kafka import KafkaServer
from tests.support.offsets import end_offsets
from tests.support.processes import run_weir

_BACK_WINDOWS = 60
"""The data is of the last minutes: windows are sent as fast as they are learned."""
_SEND_SECONDS = 120
_READ_MESSAGES = 10_000
_READ_SECONDS = 30.0


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
        crew.wait(fleet.window_us(fleet.windows), now_us())
        return heartbeats, time.monotonic() - begun

    def ownership_end(self) -> int:
        return end_offsets(self.bootstrap, OWNERSHIP_TOPIC)[0]

    def ownership_log_bytes(self) -> int:
        """On the broker's disk, as compressed by the workers: what went over the wire, once."""
        return sum(path.stat().st_size for path in (self.directory / "data" / f"{OWNERSHIP_TOPIC}-0").glob("*.log"))

    def told(self, begin: int, end: int) -> Told:
        """Read after the measuring. What compaction has removed is not there any more: it does not touch the newest segment."""
        told, framer, position = Told({}, {}), Framer(), begin
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "bench", "enable.auto.commit": False, "log_level": 0})
        consumer.assign([TopicPartition(OWNERSHIP_TOPIC, 0, begin)])
        while position < end:
            messages = consumer.consume(_READ_MESSAGES, _READ_SECONDS if position == begin else 1.0)
            assert messages, f"nothing came from {OWNERSHIP_TOPIC} at {position} of {end}"
            for message in messages:
                position = (message.offset() or 0) + 1
                value = message.value()
                if value is not None and position <= end:
                    kind = framer.unframe(value).name
                    told.messages[kind] = told.messages.get(kind, 0) + 1
                    told.bytes[kind] = told.bytes.get(kind, 0) + len(value) + len(message.key() or b"")
        consumer.close()
        return told


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
