"""Where topics end and how far a consumer group has come: what a test waits for instead of sleeping."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.support.processes import wait_for


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset behind the last message, by partition."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = client.list_offsets({TopicPartition(topic, partition): latest for partition in partitions})
    return {place.partition: future.result(10).offset for place, future in asked.items()}


def committed_offsets(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The offset that the group would go on with, by partition; a partition without one is absent.

    Asked by a consumer that never joins: librdkafka's admin call crashes the process while a broker is just starting.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        places = wait_for(lambda: _committed(consumer, wanted), 30, "the coordinator of the group")
    finally:
        consumer.close()
    return {place.partition: place.offset for place in places if place.offset >= 0}


def _committed(consumer: Consumer, wanted: list[TopicPartition]) -> list[TopicPartition]:
    """Empty while the broker, just started, has no coordinator."""
    try:
        return consumer.committed(wanted, timeout=10)
    except KafkaException as error:
        if error.args[0].code() in (
            KafkaError.NOT_COORDINATOR,
            KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
            KafkaError.COORDINATOR_NOT_AVAILABLE,
        ):
            return []
        raise


def lag(bootstrap: str, group: str, topic: str) -> int:
    """Messages of the topic that the group has not committed, over all partitions."""
    done = committed_offsets(bootstrap, group, topic)
    return sum(end - done.get(partition, 0) for partition, end in end_offsets(bootstrap, topic).items())


class GroupWatch:
    """How far a group has come with a topic, asked again and again by one client that never joins it. For one thread.

    Raises KafkaException while the broker is away.
    """

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0, "reconnect.backoff.max.ms": 200}
        self._consumer = Consumer(settings)
        partitions = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._places = [TopicPartition(topic, partition) for partition in partitions]

    def committed(self) -> dict[int, int]:
        """By partition; one without a committed offset is absent."""
        places = wait_for(lambda: _committed(self._consumer, self._places), 30, "the coordinator of the group")
        return {place.partition: place.offset for place in places if place.offset >= 0}

    def ends(self) -> dict[int, int]:
        return {place.partition: self._consumer.get_watermark_offsets(place, timeout=10)[1] for place in self._places}

    def lag(self) -> int:
        done = self.committed()
        return sum(end - done.get(partition, 0) for partition, end in self.ends().items())

    def close(self) -> None:
        self._consumer.close()


def wait_until_read(bootstrap: str, group: str, topic: str, timeout: float = 60) -> None:
    """Returns once the group has committed everything that the topic holds; at least one message must be there."""

    def read() -> bool:
        ends = end_offsets(bootstrap, topic)
        return any(ends.values()) and lag(bootstrap, group, topic) == 0

    wait_for(read, timeout, f"group {group} to read all of {topic}", every=0.2)
