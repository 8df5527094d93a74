"""A broker, a worker with the engine inside, and somebody who sends: what a run of the bench is made on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import Framer
from tests.bench.machine import cpu_seconds
from tests.bench.worker.readings import Reading, read
from tests.integration.pipeline_support import GROUP, Pipeline
from tests.support.kafka import KafkaServer, free_ports
from tests.support.offsets import lag
from tests.support.processes import Child, run_weir, wait_for

APPLY_SECONDS = 400
QUIET_CPU_SHARE = 0.04
"""Merges that the inserts have set off belong to their cost: they have ended when a worker uses no more than this of a core."""
_PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    "linger.ms": 20,
    "log_level": 2,
    "queue.buffering.max.kbytes": 1 << 20,
    "queue.buffering.max.messages": 1_000_000,
    "message.max.bytes": 4_000_000,
}

Message = tuple[bytes, bytes]
"""Key and value."""


@dataclass
class Rig:
    pipeline: Pipeline
    worker: Child
    metrics_port: int
    producer: Producer

    def read(self) -> Reading:
        return read(self.metrics_port)

    def send(self, messages: Iterable[Message]) -> None:
        for key, value in messages:
            self.producer.produce(FLOWS_TOPIC, value, key)
        assert self.producer.flush(120) == 0, "Kafka did not take what was sent"

    def wait_until_applied(self) -> None:
        self.worker.until(lambda: not lag(self.pipeline.bootstrap, GROUP, FLOWS_TOPIC), APPLY_SECONDS, "the group to have read everything")

    def wait_until_quiet(self, within: float = 60.0) -> None:
        """Returns once the worker has hardly anything to do, or after `within` seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            begun, used = time.monotonic(), cpu_seconds(self.worker.pid)
            time.sleep(1.0)
            if cpu_seconds(self.worker.pid) - used < QUIET_CPU_SHARE * (time.monotonic() - begun):
                return


def encoded(batches: Iterable[FlowBatch]) -> list[Message]:
    framer = Framer()
    return [(batch.node_id.encode(), framer.frame("FlowBatch", encode_batch(batch))) for batch in batches]


def producer(bootstrap: str) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, **_PRODUCER})


@contextmanager
def opened(folder: Path, **more: object) -> Iterator[Rig]:
    """A rig with one worker that has its partitions. `more`: settings beside the defaults of the commands."""
    with ExitStack() as stack:
        kafka = stack.enter_context(KafkaServer(folder / "broker"))
        (port,) = free_ports(1)
        settings = {"metrics_port": port, "session_seconds": 30, **more}
        pipeline = Pipeline(kafka.bootstrap, f"chdb://{folder / 'data'}", folder, settings)
        run_weir("topics", settings=pipeline.settings)
        worker = stack.enter_context(pipeline.worker())
        yield Rig(pipeline, worker, port, producer(kafka.bootstrap))


def wait_for_rows(rig: Rig, sql: str, wanted: int) -> None:
    """Until the one number that the statement gives is `wanted`."""

    def found() -> bool:
        with rig.pipeline.sink() as sink:
            return bool(sink.query(sql).column(0)[0].as_py() == wanted)

    wait_for(found, APPLY_SECONDS, f"{wanted} from {sql}")
