"""The log on `weir.findings`: a transaction a step."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas.errors import Unavailable, Unreadable
from schemas.failpoints import reach
from schemas.records.finding_change import FindingChange, FindingsCheckpoint
from schemas.topics import FINDINGS_TOPIC
from schemas.wire.finding_codec import (
    CHECKPOINT,
    CHECKPOINT_KEY,
    FINDING,
    decode_change,
    decode_checkpoint,
    encode_change,
    encode_checkpoint,
)
from schemas.wire.framing import Framer
from streams.kafka import Kafka
from weir.detector.log import Entry, Written

log = logging.getLogger("weir.detector")
client_logger = logging.getLogger("librdkafka")

ANSWER_SECONDS = 20.0
PARTITION = 0


class KafkaLog:
    """Begins by fencing: what a former leader has not committed is aborted, and it can write no more."""

    def __init__(self, kafka: Kafka, framer: Framer, writer: str) -> None:
        """`writer`: the transactional id, the same for every detector of a group. Raises Unavailable."""
        self._kafka = kafka
        self._framer = framer
        self._writer = writer
        settings = kafka.client(transactional_id=writer, transaction_timeout_ms=60_000, linger_ms=0)
        self._producer = Producer(settings, logger=client_logger)
        self._offsets: dict[bytes, int] = {}
        self._refusal = ""
        self._tried("does not give the right to write findings", lambda: self._producer.init_transactions(ANSWER_SECONDS))

    def read(self) -> Written:
        own = {"group.id": self._writer, "isolation.level": "read_committed", "enable.partition.eof": True, "enable.auto.commit": False}
        consumer = Consumer({**self._kafka.client(), **own}, logger=client_logger)
        try:
            consumer.assign([TopicPartition(FINDINGS_TOPIC, PARTITION, OFFSET_BEGINNING)])
            return self._read(consumer)
        finally:
            consumer.close()

    def append(self, changes: Sequence[FindingChange], checkpoint: FindingsCheckpoint) -> tuple[Entry, ...]:
        messages = [(change.finding.id.encode(), self._framer.frame(FINDING, encode_change(change))) for change in changes]
        messages.append((CHECKPOINT_KEY, self._framer.frame(CHECKPOINT, encode_checkpoint(checkpoint))))
        self._offsets.clear()
        self._tried("did not take a step's findings", lambda: self._write(messages))
        return tuple(Entry(self._offsets[change.finding.id.encode()], change) for change in changes)

    def _write(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        self._producer.begin_transaction()
        for key, value in messages:
            while True:
                try:
                    self._producer.produce(FINDINGS_TOPIC, value, key, partition=PARTITION, on_delivery=self._delivered)
                    break
                except BufferError:
                    self._producer.poll(1.0)
        self._producer.flush(ANSWER_SECONDS)
        if self._refusal or len(self._offsets) < len(messages):
            raise Unavailable(f"Kafka at {self._kafka.bootstrap} did not take a step's findings ({self._refusal or 'no answer'}).")
        reach("findings.sent")
        self._producer.commit_transaction(ANSWER_SECONDS)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refusal = error.str()
        else:
            self._offsets[message.key() or b""] = message.offset() or 0

    def _tried(self, trouble: str, act: Any) -> None:
        try:
            act()
        except (KafkaException, SystemError) as error:
            # a fatal error that comes while a delivery is told of is raised as the cause of a SystemError
            cause = error.__cause__ if isinstance(error, SystemError) else error
            said = cause.args[0].str() if isinstance(cause, KafkaException) else str(error)
            raise Unavailable(f"Kafka at {self._kafka.bootstrap} {trouble}: {said}.") from error

    def _read(self, consumer: Consumer) -> Written:
        """Up to the end of what is committed."""
        entries: list[Entry] = []
        checkpoint: FindingsCheckpoint | None = None
        heard = time.monotonic()
        while time.monotonic() - heard < ANSWER_SECONDS:
            for message in consumer.consume(500, 0.5):
                heard, error = time.monotonic(), message.error()
                if error is None:
                    found = self._record(message)
                    if isinstance(found, FindingsCheckpoint):
                        checkpoint = found
                    elif found is not None:
                        entries.append(Entry(message.offset() or 0, found))
                elif error.code() == KafkaError._PARTITION_EOF:
                    return Written(tuple(entries), checkpoint, message.offset() or 0)
                else:
                    raise Unavailable(f"Kafka at {self._kafka.bootstrap} does not give {FINDINGS_TOPIC} to read: {error.str()}.")
        raise Unavailable(f"Kafka at {self._kafka.bootstrap} does not give {FINDINGS_TOPIC} to read: no answer.")

    def _record(self, message: Message) -> FindingChange | FindingsCheckpoint | None:
        try:
            framed = self._framer.unframe(message.value() or b"")
            if framed.name == CHECKPOINT:
                return decode_checkpoint(framed.body, framed.writer)
            return decode_change(framed.body, framed.writer)
        except Unreadable as error:
            log.warning("%s at offset %s is passed over: %s", FINDINGS_TOPIC, message.offset(), error)
            return None
