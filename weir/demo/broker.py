"""The embedded Kafka: librdkafka's built-in broker, which speaks the real protocol on a loopback port.

It keeps everything in memory and forgets it on exit, so it serves the demo and nothing else. It lives in this process, on
threads of librdkafka's own; the topics are made through librdkafka's C interface because the broker answers no request for new ones.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.errors import Unavailable
from schemas.topics import Topic

_PRODUCER = 0  # rd_kafka_type_t
_PATIENCE = 20.0


class EmbeddedBroker:
    """A broker with the given topics, from construction to close()."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._library = _load()
        self._client = self._library.rd_kafka_new(_PRODUCER, _configuration(self._library), None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise Unavailable("the embedded Kafka did not start: is a loopback port to be had?")
        for topic in topics:
            self._library.rd_kafka_mock_topic_create(self._cluster, topic.name.encode(), topic.partitions, 1)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the broker; clients of it see a closed port. Safe to call twice."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None


class GroupOffsets:
    """What a consumer group has committed of one topic, against what the topic holds."""

    def __init__(self, bootstrap: str, group: str, topic: str, partitions: int) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0})
        self._partitions = [TopicPartition(topic, number) for number in range(partitions)]

    def behind(self) -> int:
        """Messages that the group has not committed yet, over all partitions."""
        committed = self._consumer.committed(self._partitions, timeout=_PATIENCE)
        total = 0
        for position in committed:
            low, high = self._consumer.get_watermark_offsets(position, timeout=_PATIENCE)
            total += high - max(position.offset, low)
        return total

    def close(self) -> None:
        self._consumer.close()


def continue_log(bootstrap: str, group: str, topic: str, starts: Mapping[int, int]) -> None:
    """Makes a new, empty log go on where an earlier one ended: partition -> first offset to be used.

    The tables know every block by its offsets. A broker that began at 0 again would give new blocks the identities of old
    ones, and the tables would take them for repeats. So the offsets in use are filled up and marked as read.
    """
    used = {partition: start for partition, start in starts.items() if start > 0}
    if not used:
        return
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 0, "batch.num.messages": 100_000, "log_level": 0})
    for partition, start in used.items():
        for _ in range(start):
            producer.produce(topic, None, partition=partition)
        if producer.flush(_PATIENCE):
            raise Unavailable(f"the embedded Kafka did not take {start} messages of partition {partition} within {_PATIENCE:g} s")
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0})
    try:
        consumer.commit(offsets=[TopicPartition(topic, partition, start) for partition, start in used.items()], asynchronous=False)
    finally:
        consumer.close()


def _configuration(library: ctypes.CDLL) -> int:
    """A client configuration that keeps librdkafka's own remarks about itself off the terminal. Owned by rd_kafka_new."""
    configuration: int = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(configuration, b"log_level", b"0", None, 0)
    return configuration


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(_library_path())
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (ctypes.c_int, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, ctypes.c_int]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _library_path() -> str:
    """The librdkafka that confluent_kafka itself has loaded, so that there is one copy of it in the process."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if found := re.search(r"\S*/librdkafka[^/]*\.so[^/]*$", line):
            return found.group()
    raise Unavailable(f"confluent_kafka {confluent_kafka.__version__} brings no librdkafka that can be found: reinstall it with pip")
