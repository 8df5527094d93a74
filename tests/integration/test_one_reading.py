"""A worker on a real Kafka decodes each message of weir.flows once, for learning and for applying."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.topics import FLOWS_TOPIC
from tests.integration.made_recording import made_recording
from tests.integration.pipeline_support import Pipeline, assert_holds
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.offsets import end_offsets

FLOWS_MADE = 2_000
DECODED = re.compile(r"^weir_messages_decoded_total (\S+)$", re.MULTILINE)
FILL = re.compile(r'^weir_fill\{bound="shared"\} (\S+)$', re.MULTILINE)


def test_a_worker_decodes_each_message_once(clean_kafka: str, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    more: dict[str, object] = {"metrics_port": port, "batch_flows": 20, "hold_seconds": 1}
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, more)
    made = made_recording(seed=5, flows=FLOWS_MADE)
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("all.jsonl", made.lines))
        pipeline.wait_until_read(worker)
        ends = end_offsets(clean_kafka, FLOWS_TOPIC)
        said = ask(port, "/metrics")[1]
        worker.stop()
    (decoded,), (fill,) = map(float, DECODED.findall(said)), map(float, FILL.findall(said))
    messages = sum(ends.values())
    # The first of a partition is decoded twice where the learner has it first: it cannot know yet that the applier will come by.
    assert messages > 100 and messages <= decoded <= messages + len(ends), f"{messages} messages, {decoded} decoded"
    assert fill == 0
    assert_holds(pipeline, made)
