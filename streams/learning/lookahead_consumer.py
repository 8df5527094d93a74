"""The consumer that workers learn with: outside the group, ahead of it, and never with more in memory than it has to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import Unavailable
from streams.kafka import Kafka
from streams.observe import metrics
from streams.outputs.producer import client_logger
from streams.retry import retried

T = TypeVar("T")
_FETCH_KBYTES = 8 * 1024
_RESPONSE_BYTES = 1024 * 1024
"""An answer that was asked for while there was room comes on top of what is fetched already, and is larger yet once decompressed."""
_PARTITION_BYTES = 1024 * 1024
_FULL_MS = 20
"""A fetch that finds the queue full is put off for so long, not for a second: it is emptied many times a second."""
_STATISTICS_MS = 5_000
_TAKE_MESSAGES = 500
_TAKE_BYTES = 16 * 1024 * 1024
"""So many bytes at once, about: messages are counted before it is known how large they are."""
_ASK_SECONDS = 5.0


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class LookaheadConsumer:
    """Messages of assigned partitions, and what Kafka tells of partitions. Used by one thread; other threads may look at `read_to`.

    Kafka is waited for: whatever asks it raises Unavailable once `stop` is set.

    `read_to`: the offset behind the last message taken. `positions`: the same since the partition was assigned, where it was assigned
    until a message came. `at_end`: partitions whose end was told, with no message since. `drained`: the last `take` emptied the queue,
    so that all that had been fetched when it was called has been taken.
    """

    def __init__(self, kafka: Kafka, name: str, stop: threading.Event) -> None:
        self._messages = _TAKE_MESSAGES // 10
        self._stop = stop
        settings: dict[str, Any] = {
            "group.id": name,  # never joined, never committed to: librdkafka wants a name
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": _FETCH_KBYTES,
            "fetch.max.bytes": _RESPONSE_BYTES,
            "fetch.message.max.bytes": _PARTITION_BYTES,
            "fetch.queue.backoff.ms": _FULL_MS,
            "statistics.interval.ms": _STATISTICS_MS,
            "stats_cb": _measure,
            **kafka.client(),
        }
        self._consumer = Consumer(settings, logger=client_logger)
        # On a connection of its own: a broker answers in order, and a fetch that waits for messages would come first each time.
        self._asking = Consumer({"group.id": name, "isolation.level": "read_committed", **kafka.client()}, logger=client_logger)
        self.read_to: dict[tuple[str, int], int] = {}
        self.positions: dict[Place, int] = {}
        self.at_end: set[Place] = set()
        self.drained = False

    def assign(self, place: Place, offset: int = OFFSET_BEGINNING) -> None:
        """Read the partition, too, from there."""
        self.at_end.discard(place)
        self.positions[place] = offset
        self._consumer.incremental_assign([TopicPartition(*place, offset)])

    def unassign(self, place: Place) -> None:
        self._consumer.incremental_unassign([TopicPartition(*place)])

    def take(self, seconds: float) -> list[Message]:
        """Messages that come within `seconds`. Raises Unavailable where Kafka cannot be read any more."""
        taken = self._consumer.consume(self._messages, seconds)
        self.drained = len(taken) < self._messages
        messages = [message for message in taken if self._note(message)]
        size = sum(len(message.value() or b"") for message in messages)
        if size:
            self._messages = max(1, min(_TAKE_MESSAGES, _TAKE_BYTES * len(taken) // size))
        return messages

    def _note(self, message: Message) -> bool:
        """Whether it is a message and not an error, or the end of a partition."""
        place, error = Place(message.topic() or "", message.partition() or 0), message.error()
        if error is None:
            self.at_end.discard(place)
            self.positions[place] = self.read_to[place] = (message.offset() or 0) + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            self.at_end.add(place)
        elif not error.retriable() and error.fatal():
            raise Unavailable(f"Kafka cannot be read for ownership: {error.str()}")
        return error is None

    def has_read(self, ends: dict[Place, int]) -> bool:
        """Up to these ends. Not "to where nothing comes any more": other workers' watermarks keep coming, and no end is ever told."""
        return all(place in self.at_end or self.positions.get(place, 0) >= end for place, end in ends.items())

    def partitions_of(self, topic: str) -> list[Place]:
        """The topic's partitions, once it has some."""

        def ask() -> list[Place]:
            described = self._asking.list_topics(topic, timeout=_ASK_SECONDS).topics.get(topic)
            if described is None or not described.partitions:  # gone again since the worker began
                raise Unavailable(f"Kafka has no topic {topic}: run `weir topics`")
            return [Place(topic, partition) for partition in described.partitions]

        return self._asked(ask)

    def end_of(self, place: Place) -> int:
        """The offset behind the last message that is committed."""
        ask = self._asking.get_watermark_offsets
        return self._asked(lambda: int(ask(TopicPartition(*place), timeout=_ASK_SECONDS)[1]))

    def offset_at(self, place: Place, instant_us: int) -> int | None:
        """The first message that arrived then or later; None where there is none."""

        def ask() -> int:
            (found,) = self._asking.offsets_for_times([TopicPartition(*place, instant_us // 1_000)], timeout=_ASK_SECONDS)
            if found.error is not None:
                raise KafkaException(found.error)
            return int(found.offset)

        offset = self._asked(ask)
        return None if offset < 0 else offset

    def _asked(self, ask: Callable[[], T]) -> T:
        return retried("Kafka", ask, self._stop.wait, (Unavailable, KafkaException))

    def close(self) -> None:
        self._consumer.close()
        self._asking.close()


def _measure(statistics: str) -> None:
    """librdkafka's own account of what it has fetched and not handed over yet: all partitions share one queue, and each tells of it."""
    told = orjson.loads(statistics)["topics"].values()
    fetched = max((partition["fetchq_size"] for topic in told for partition in topic["partitions"].values()), default=0)
    metrics.fill("learner", fetched, _FETCH_KBYTES * 1024)
