"""A worker on a real Kafka decodes each message of weir.flows once, for learning and for applying."""

from __future__ import annotations

import re
from pathlib import Path

from confluent_kafka import Producer

from schemas.records.flow_batch import FlowBatch, empty_flows, empty_heartbeats
from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import Framer
from tests.integration.made_recording import half_an_hour_ago_us, made_recording
from tests.integration.pipeline_support import Pipeline, assert_holds
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.offsets import end_offsets
from tests.support.processes import run_weir

FLOWS_MADE = 2_000
PARTITIONS = 8
DECODED = re.compile(r"^weir_messages_decoded_total (\S+)$", re.MULTILINE)
FILL = re.compile(r'^weir_fill\{bound="shared"\} (\S+)$', re.MULTILINE)


def first_words(bootstrap: str) -> None:
    """A batch of nothing in each partition."""
    producer, framer, start_us = Producer({"bootstrap.servers": bootstrap}), Framer(), half_an_hour_ago_us()
    for partition in range(PARTITIONS):
        said = FlowBatch(f"first-{partition}", 1, 0, "default", "", start_us, 10, 0, 1, (), empty_flows(), empty_heartbeats())
        producer.produce(FLOWS_TOPIC, framer.frame("FlowBatch", encode_batch(said)), partition=partition)
    assert producer.flush(30) == 0, "Kafka did not take what was sent"


def test_a_worker_decodes_each_message_once(clean_kafka: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    more: dict[str, object] = {"metrics_port": port, "batch_flows": 20, "hold_seconds": 1}
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, more)
    made = made_recording(seed=5, flows=FLOWS_MADE)
    run_weir("topics", settings=pipeline.settings)
    with pipeline.worker() as worker:
        # Before the applier has read of a partition, the learner cannot know that it will come by.
        first_words(clean_kafka)
        pipeline.wait_until_read(worker)
        before = _decoded(port)
        pipeline.replay(pipeline.write("all.jsonl", made.lines))
        pipeline.wait_until_read(worker)
        messages = sum(end_offsets(clean_kafka, FLOWS_TOPIC).values()) - PARTITIONS
        decoded, fill = _decoded(port) - before, float(FILL.findall(ask(port, "/metrics")[1])[0])
        worker.stop()
    assert messages > 100 and decoded == messages, f"{messages} messages, {decoded} decoded"
    assert fill == 0
    assert_holds(pipeline, made)


def _decoded(port: int) -> float:
    return float(DECODED.findall(ask(port, "/metrics")[1])[0])
