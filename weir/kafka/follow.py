"""Topic reader for people and files: without consumer group and commits, so no other consumer's offsets move."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from schemas.errors import WeirError
from weir.kafka.client import client_config, kafka_unavailable, quiet_logger

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0
BATCH, PATIENCE_SECONDS = 500, 0.2


def follow(settings: Settings, topic: str, stop: threading.Event, *, from_beginning: bool) -> Iterator[bytes]:
    """The values of a topic's messages, of all partitions, until `stop` is set: from the start of what is kept, or from now.

    Raises Unavailable where Kafka does not answer at the start, and WeirError where the topic does not exist.
    """
    from confluent_kafka import Consumer, KafkaException

    tell_once = _ErrorLog(settings.kafka_bootstrap)
    own = {"group.id": "weir-follow", "enable.auto.commit": False, "error_cb": tell_once}
    consumer = Consumer(client_config(settings, **own), logger=quiet_logger())
    try:
        try:
            consumer.assign(_starts(consumer, settings, topic, from_beginning))
        except KafkaException as error:
            raise kafka_unavailable(settings.kafka_bootstrap, error, consumer) from error
        log.info("following %s", topic)
        while not stop.is_set():
            for message in consumer.consume(BATCH, PATIENCE_SECONDS):
                value = message.value()
                if message.error() is None and value is not None:
                    yield value
    finally:
        consumer.close()


def _starts(consumer: Any, settings: Settings, topic: str, from_beginning: bool) -> list[Any]:
    """Where each partition is read from. "From now" is looked up at once, so that what comes a moment later is in."""
    from confluent_kafka import TopicPartition

    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None or not found.partitions:
        raise WeirError(f"Kafka at {settings.kafka_bootstrap} has no topic {topic}: create it with `weir topics`.")
    starts = [TopicPartition(topic, partition) for partition in found.partitions]
    for start in starts:
        low, high = consumer.get_watermark_offsets(start, timeout=TIMEOUT_SECONDS)
        start.offset = low if from_beginning else high
    return starts


class _ErrorLog:
    """One line when the brokers cannot be reached, instead of one for every attempt."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._last = None

    def __call__(self, error: Any) -> None:
        if error.code() != self._last:
            self._last = error.code()
            log.warning("Kafka at %s: %s; still trying", self._bootstrap, error.str())
