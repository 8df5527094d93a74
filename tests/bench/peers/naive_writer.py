"""A writer without a plan for crashes: takes messages of weir.flows, inserts their flows, commits their offsets, or the other way round.

python -m tests.bench.peers.naive_writer BOOTSTRAP GROUP TOPIC SESSION_SECONDS ENGINE_PORT insert|commit
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

from clickhouse_driver import Client
from confluent_kafka import Consumer, KafkaException, Message

from schemas.wire.codec import decode_batch
from schemas.wire.framing import unframe
from tests.bench.peers.flows import NUMBER

TAKE, WITHIN_SECONDS = 20, 0.5
TABLE = f"""CREATE TABLE IF NOT EXISTS naive.flows
(node_id LowCardinality(String), window_start DateTime('UTC'), service_port UInt16, bytes_sent UInt64, {NUMBER} UInt64)
ENGINE = MergeTree ORDER BY (window_start, node_id)"""
INSERT = f"INSERT INTO naive.flows (node_id, window_start, service_port, bytes_sent, {NUMBER}) VALUES"


def run(bootstrap: str, group: str, topic: str, session_seconds: str, port: str, first: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine = Client("127.0.0.1", int(port))
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": int(session_seconds) * 1_000,
            "heartbeat.interval.ms": 500,
        }
    )
    consumer.subscribe([topic])
    steps = [lambda some: insert(engine, some), lambda some: commit(consumer)]
    while not stop.is_set():
        taken = [message for message in consumer.consume(TAKE, WITHIN_SECONDS) if message.error() is None]
        if taken:
            for step in steps if first == "insert" else reversed(steps):
                step(taken)
    consumer.close()


def insert(engine: Client, messages: list[Message]) -> None:
    columns: list[list[object]] = [[], [], [], [], []]
    for message in messages:
        batch = decode_batch(unframe(message.value() or b"").body)
        flows, rows = batch.flows, len(batch.flows)
        parts = ([batch.node_id] * rows, [batch.window_start_us // 1_000_000] * rows)
        for column, part in zip(
            columns, (*parts, *(getattr(flows, name).tolist() for name in ("service_port", "bytes_sent", NUMBER))), strict=True
        ):
            column.extend(part)
    engine.execute(INSERT, columns, columnar=True)


def commit(consumer: Consumer) -> None:
    """Where the group was rebalanced meanwhile nothing can be done about it: the rows are in."""
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        logging.warning("not committed: %s", error)


if __name__ == "__main__":
    run(*sys.argv[1:])
