"""Batches that a producer sends in transactions: what is aborted is not counted, and what its end takes is no lag."""

from __future__ import annotations

import json
from pathlib import Path

from confluent_kafka import Producer

from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import frame
from tests.integration.bad_messages import ROWS, good_batch
from tests.integration.pipeline_support import GROUP, Pipeline, rows
from tests.support.http import health
from tests.support.kafka import free_ports
from tests.support.offsets import committed_offsets
from tests.support.processes import run_weir, wait_for

COUNTED = "SELECT node_id, count() FROM weir.flows GROUP BY node_id ORDER BY node_id"
STALL_SECONDS, HOLD_SECONDS = 1, 1


def send(producer: Producer, *nodes: str) -> None:
    for node in nodes:
        producer.produce(FLOWS_TOPIC, frame("FlowBatch", encode_batch(good_batch(node))), node.encode(), 0)
    assert producer.flush(30) == 0


def test_what_is_aborted_is_not_counted(clean_kafka: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    more: dict[str, object] = {"hold_seconds": HOLD_SECONDS, "stall_seconds": STALL_SECONDS, "metrics_port": port}
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, more)
    run_weir("topics", settings=pipeline.settings)
    producer = Producer({"bootstrap.servers": clean_kafka, "transactional.id": "a test", "acks": "all"})
    producer.init_transactions(30)
    with pipeline.worker() as worker:
        producer.begin_transaction()
        send(producer, "aborted-1")
        producer.abort_transaction(30)
        producer.begin_transaction()
        send(producer, "kept-1", "kept-2")
        producer.commit_transaction(30)
        producer.begin_transaction()
        send(producer, "aborted-2")
        producer.abort_transaction(30)
        # Offsets: 0 aborted, 1 its end, 2 and 3 kept, 4 their end, 5 aborted, 6 its end.
        wait_for(lambda: committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC).get(0) == 4, 30, "what was committed to be applied")
        with pipeline.sink() as sink:
            assert rows(sink, "SELECT node_id, count() FROM weir.flows GROUP BY node_id ORDER BY node_id") == [
                ("kept-1", ROWS),
                ("kept-2", ROWS),
            ]
            assert rows(sink, "SELECT * FROM weir.losses") == []
        wait_for(lambda: health(port) == (200, "8 partitions, 0 messages to go"), 30, "the worker to have read to the end")
        done = run_weir("doctor", "--for", "worker", "--format", "json", settings=pipeline.settings, status=None)
        (found,) = [row for row in map(json.loads, done.stdout.splitlines()) if row["part"] == "group"]
        assert found["fit"], found
        producer.begin_transaction()
        send(producer, "kept-3")
        producer.commit_transaction(30)
        wait_for(lambda: committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC).get(0) == 8, 30, "the next to be applied")
        with pipeline.sink() as sink:
            assert rows(sink, "SELECT uniqExact(node_id), (SELECT count() FROM weir.losses) FROM weir.flows") == [(3, 0)]
        worker.stop()
