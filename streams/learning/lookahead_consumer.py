"""The consumer that workers learn with: outside the group, ahead of it, and never with more in memory than it has to."""

from __future__ import annotations

from typing import Any

import orjson
from confluent_kafka import Consumer, Message

from streams.observe import metrics
from streams.outputs.producer import client_logger

_FETCH_KBYTES = 8 * 1024
_RESPONSE_BYTES = 1024 * 1024
"""An answer that was asked for while there was room comes on top of what is fetched already, and is larger yet once decompressed."""
_PARTITION_BYTES = 1024 * 1024
_STATISTICS_MS = 5_000
_TAKE_MESSAGES = 500
_TAKE_BYTES = 16 * 1024 * 1024
"""So many bytes at once, about: messages are counted before it is known how large they are."""


class LookaheadConsumer:
    """`consumer` is for whoever assigns and seeks; messages are taken here."""

    def __init__(self, bootstrap: str, security: dict[str, str], name: str) -> None:
        self._messages = _TAKE_MESSAGES // 10
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": name,  # never joined, never committed to: librdkafka wants a name
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": _FETCH_KBYTES,
            "fetch.max.bytes": _RESPONSE_BYTES,
            "fetch.message.max.bytes": _PARTITION_BYTES,
            "statistics.interval.ms": _STATISTICS_MS,
            "stats_cb": _measure,
            **security,
        }
        self.consumer = Consumer(settings, logger=client_logger)

    def take(self, seconds: float) -> list[Message]:
        """What comes within `seconds`, errors and ends of partitions among it."""
        messages = self.consumer.consume(self._messages, seconds)
        size = sum(len(message.value() or b"") for message in messages if message.error() is None)
        if size:
            self._messages = max(1, min(_TAKE_MESSAGES, _TAKE_BYTES * len(messages) // size))
        return messages


def _measure(statistics: str) -> None:
    """librdkafka's own account of what it has fetched and not handed over yet: all partitions share one queue, and each tells of it."""
    told = orjson.loads(statistics)["topics"].values()
    fetched = max((partition["fetchq_size"] for topic in told for partition in topic["partitions"].values()), default=0)
    metrics.fill("learner", fetched, _FETCH_KBYTES * 1024)
