"""A worker that finds a backlog: names whose evidence lay in Kafka when it started are used, however slowly it reads."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from schemas.topics import FLOWS_TOPIC
from tests.integration.made_recording import is_no_flow, made_recording
from tests.integration.pipeline_support import Pipeline, assert_holds
from tests.integration.slow_learner import ON
from tests.support.offsets import end_offsets
from tests.support.processes import Child, wait_for

HOLD_SECONDS = 1


def test_the_hold_does_not_run_out_while_the_learner_is_behind(clean_kafka: str, tmp_path: Path) -> None:
    """The heartbeats came longer than the hold after the flows: by the messages' times nothing needs to be waited for any more."""
    made = made_recording(seed=23, flows=300)
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, {"hold_seconds": HOLD_SECONDS})
    pipeline.replay(pipeline.write("flows.jsonl", [line for line in made.lines if not is_no_flow(line)]))
    ends, then = end_offsets(clean_kafka, FLOWS_TOPIC), time.monotonic()
    wait_for(lambda: time.monotonic() > then + 2 * HOLD_SECONDS, 30, "the hold to be over")
    pipeline.replay(pipeline.write("rest.jsonl", [line for line in made.lines if is_no_flow(line)]))
    spoken = {p: ends[p] for p, end in end_offsets(clean_kafka, FLOWS_TOPIC).items() if end > ends[p]}
    assert len(spoken) > 1, "the nodes are all in one partition"
    with Child([sys.executable, "-m", "tests.integration.slow_learner", json.dumps(spoken)], pipeline.settings) as worker:
        worker.line(ON, 60)
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)
