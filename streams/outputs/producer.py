"""What workers write to Kafka besides offsets: attributed flows, dead letters, what was learned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from schemas.errors import Unavailable
from schemas.producer_settings import SAFE
from streams.kafka import Kafka
from streams.observe import metrics

logger = logging.getLogger(__name__)
client_logger = logging.getLogger("librdkafka")
"""librdkafka's own lines: one for each refused connection, so they are for debugging."""
_FLUSH_SECONDS = 1.0
_SAY_AFTER = (5, 60, 600, 3600)
_QUEUE_KBYTES = 65_536
_PRODUCER = {
    **SAFE,
    "compression.level": 1,  # rows of names and small numbers: level 3 takes more than half as much time again, and no byte less
    "linger.ms": 5,
    "queue.buffering.max.kbytes": _QUEUE_KBYTES,
    "message.max.bytes": 8_000_000,
}


class Record(NamedTuple):
    topic: str
    key: bytes
    value: bytes | None  # None removes the key from a compacted topic
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int = -1  # -1: by the key


class BlockingProducer:
    """An idempotent producer whose `send` returns once the brokers have everything. `bound`: what its queue is called in the metrics."""

    def __init__(self, kafka: Kafka, stopped: Callable[[], bool], bound: metrics.Bound | None = None) -> None:
        self._kafka = kafka
        self._producer = Producer({**_PRODUCER, **kafka.client()}, logger=client_logger)
        self._stopped = stopped
        self._bound = bound
        self._queued_bytes = 0
        self._failed: KafkaError | None = None

    def post(self, records: Iterable[Record]) -> None:
        """Queue without waiting for the brokers; waits only while the local queue is full."""
        for record in records:
            while True:
                try:
                    self._produce(record)
                    break
                except BufferError:
                    self._producer.poll(_FLUSH_SECONDS)
                    self._raise_if_stopped()
        self._producer.poll(0)
        self._measure()

    def settle(self) -> None:
        """Wait until all that was queued is acknowledged. Raises Unavailable where a broker refused a message."""
        waited = 0
        while left := self._producer.flush(_FLUSH_SECONDS):
            self._raise_if_stopped()
            waited += 1
            if waited in _SAY_AFTER:
                logger.warning("Kafka at %s has not taken %d messages for %d s; waiting for it", self._kafka.bootstrap, left, waited)
        self._measure()
        failed, self._failed = self._failed, None
        if failed is not None:
            raise Unavailable(f"Kafka refused a message: {failed.str()}")

    def send(self, records: Iterable[Record]) -> None:
        self.post(records)
        self.settle()

    def _produce(self, record: Record) -> None:
        self._producer.produce(
            record.topic,
            record.value,
            record.key,
            partition=record.partition,
            headers=list(record.headers),
            on_delivery=self._on_delivery,
        )
        self._queued_bytes += len(record.value or b"")

    def _raise_if_stopped(self) -> None:
        if self._stopped():
            raise Unavailable("stopped while Kafka was not taking messages; they are published again at the next start")

    def _measure(self) -> None:
        if self._bound is not None:
            metrics.fill(self._bound, self._queued_bytes, _QUEUE_KBYTES * 1024)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        self._queued_bytes -= len(message.value() or b"")
        if error is not None:
            self._failed = error
