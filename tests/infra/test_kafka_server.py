"""The tests' own broker: what it must do before other tests may lean on it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support import kafka as support
from tests.support.kafka import KafkaServer, delete_all_topics
from tests.support.offsets import end_offsets, lag, wait_until_read
from tests.support.processes import PATIENCE


def create(bootstrap: str, topic: str) -> None:
    client = AdminClient({"bootstrap.servers": bootstrap})
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    failed: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "compression.type": "zstd", "log_level": 0})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert (producer.flush(20), failed) == (0, [])


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest", "log_level": 0})
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(count, timeout=20 * PATIENCE)
        return [message.value() or b"" for message in messages if message.error() is None]
    finally:
        consumer.close()


def test_acknowledged_messages_outlive_a_killed_broker(fresh_kafka: KafkaServer) -> None:
    create(fresh_kafka.bootstrap, "kept")
    produce(fresh_kafka.bootstrap, "kept", b"a", b"b", b"c")
    fresh_kafka.restart()
    assert consume(fresh_kafka.bootstrap, "kept", 3) == [b"a", b"b", b"c"]
    fresh_kafka.stop()
    fresh_kafka.start()
    produce(fresh_kafka.bootstrap, "kept", b"d")
    assert consume(fresh_kafka.bootstrap, "kept", 4) == [b"a", b"b", b"c", b"d"]


def test_topics_are_made_on_purpose_only(kafka: str) -> None:
    name = f"absent-{uuid.uuid4().hex}"
    producer = Producer({"bootstrap.servers": kafka, "message.timeout.ms": 3000, "log_level": 0})
    codes: list[int] = []
    producer.produce(name, b"x", on_delivery=lambda error, _: codes.append(error.code() if error else 0))
    producer.flush(20)
    assert codes in ([KafkaError.UNKNOWN_TOPIC_OR_PART], [KafkaError._UNKNOWN_TOPIC], [KafkaError._MSG_TIMED_OUT])
    assert name not in AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=10).topics


def test_deleted_topics_come_back_empty(kafka: str) -> None:
    create(kafka, "again")
    produce(kafka, "again", b"old")
    delete_all_topics(kafka)
    create(kafka, "again")
    produce(kafka, "again", b"new")
    assert consume(kafka, "again", 1) == [b"new"]


def test_missing_jars_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "JARS", tmp_path / "none")
    with pytest.raises(AssertionError, match="make setup-test"):
        KafkaServer(tmp_path / "broker")


def test_lag_falls_as_a_group_commits(kafka: str) -> None:
    topic = f"lag-{uuid.uuid4().hex}"
    create(kafka, topic)
    produce(kafka, topic, b"a", b"b", b"c")
    assert (end_offsets(kafka, topic), lag(kafka, topic, topic)) == ({0: 3}, 3)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    taken = consumer.consume(2, timeout=20 * PATIENCE)
    consumer.commit(message=taken[1], asynchronous=False)
    assert lag(kafka, topic, topic) == 1
    consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    consumer.close()
    wait_until_read(kafka, topic, topic, timeout=5)
