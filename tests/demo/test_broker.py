"""The embedded broker: topics as wanted, a log that goes on, a group's lag."""

from __future__ import annotations

import socket

import pytest
from confluent_kafka import Consumer, Producer

from schemas.topics import Topic
from weir.demo.broker import EmbeddedBroker, GroupOffsets, continue_log

TOPICS = (Topic("demo.flows", 3), Topic("demo.one", 1))


def _produce(bootstrap: str, partition: int, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": "zstd"})
    for value in values:
        producer.produce("demo.flows", value, partition=partition)
    assert producer.flush(10.0) == 0


def _consume(bootstrap: str, group: str, count: int) -> list[tuple[int, int, bytes]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe(["demo.flows"])
    found: list[tuple[int, int, bytes]] = []
    try:
        for _ in range(60):
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append((message.partition(), message.offset(), message.value()))
            if len(found) == count:
                consumer.commit(asynchronous=False)
                return found
    finally:
        consumer.close()
    raise AssertionError(f"only {found} of {count} messages came")


def test_topics_have_their_partitions() -> None:
    with EmbeddedBroker(TOPICS) as broker:
        found = Producer({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10.0).topics
        assert {name: len(topic.partitions) for name, topic in found.items()} == {"demo.flows": 3, "demo.one": 1}


def test_lag_falls_to_nothing_when_the_group_commits() -> None:
    with EmbeddedBroker(TOPICS) as broker:
        offsets = GroupOffsets(broker.bootstrap, "readers", "demo.flows", 3)
        assert offsets.behind() == 0
        _produce(broker.bootstrap, 1, b"a", b"b")
        assert offsets.behind() == 2
        _consume(broker.bootstrap, "readers", 2)
        assert offsets.behind() == 0
        offsets.close()


def test_a_log_goes_on_where_an_earlier_one_ended() -> None:
    with EmbeddedBroker(TOPICS) as broker:
        continue_log(broker.bootstrap, "readers", "demo.flows", {0: 23, 1: 0, 2: 100_003})
        offsets = GroupOffsets(broker.bootstrap, "readers", "demo.flows", 3)
        assert offsets.behind() == 0
        _produce(broker.bootstrap, 0, b"first")
        _produce(broker.bootstrap, 1, b"second")
        _produce(broker.bootstrap, 2, b"third")
        assert offsets.behind() == 3
        assert sorted(_consume(broker.bootstrap, "readers", 3)) == [(0, 23, b"first"), (1, 0, b"second"), (2, 100_003, b"third")]
        offsets.close()


def test_the_port_closes_with_the_broker() -> None:
    broker = EmbeddedBroker(TOPICS)
    host, port = broker.bootstrap.split(":")
    with socket.create_connection((host, int(port)), 5.0):
        pass
    broker.close()
    broker.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5.0)
