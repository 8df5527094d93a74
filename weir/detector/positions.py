"""How far a receiver has been told of the log, in the offsets of a consumer group of its own that nobody joins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.errors import Unavailable
from schemas.topics import FINDINGS_TOPIC
from streams.kafka import Kafka
from weir.detector.kafka_log import ANSWER_SECONDS, PARTITION

_SINCE = "since="


@dataclass(frozen=True)
class Position:
    """All before `next` is delivered. What was opened before `since` is none of the receiver's: it was not there yet."""

    next: int
    since: int


class Positions(Protocol):
    """Both raise Unavailable."""

    def get(self) -> Position | None:
        """None: the receiver is new."""
        ...

    def put(self, position: Position) -> None: ...


class KafkaPositions:
    """One thread at a time."""

    def __init__(self, kafka: Kafka, group: str) -> None:
        own = {"group.id": group, "enable.auto.commit": False}
        self._kafka = kafka
        self._consumer = Consumer({**kafka.client(), **own}, logger=logging.getLogger("librdkafka"))

    def get(self) -> Position | None:
        try:
            (found,) = self._consumer.committed([TopicPartition(FINDINGS_TOPIC, PARTITION)], timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error
        if found.error is not None:
            raise self._unavailable(KafkaException(found.error))
        if found.offset < 0:
            return None
        said = found.metadata or ""
        return Position(found.offset, int(said.removeprefix(_SINCE)) if said.removeprefix(_SINCE).isdigit() else 0)

    def put(self, position: Position) -> None:
        place = TopicPartition(FINDINGS_TOPIC, PARTITION, position.next, f"{_SINCE}{position.since}")
        try:
            committed = self._consumer.commit(offsets=[place], asynchronous=False) or []
        except KafkaException as error:
            raise self._unavailable(error) from error
        for one in committed:
            if one.error is not None:
                raise self._unavailable(KafkaException(one.error))

    def close(self) -> None:
        self._consumer.close()

    def _unavailable(self, error: KafkaException) -> Unavailable:
        return Unavailable(f"Kafka at {self._kafka.bootstrap} does not keep how far receivers have been told: {error.args[0].str()}.")
