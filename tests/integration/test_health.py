"""A worker's health over HTTP while its servers come and go, and the end of one that waits for an answer that never comes."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from schemas.topics import FLOWS_TOPIC
from tests.integration.made_recording import Made, is_no_flow, made_recording
from tests.integration.pipeline_support import GROUP, Pipeline, assert_holds
from tests.support.clickhouse import EngineHost
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.offsets import committed_offsets
from tests.support.processes import run_weir, wait_for

FLOWS_MADE = 1_500
IMPATIENT: dict[str, object] = {"batch_flows": 60, "block_flows": 150, "hold_seconds": 1, "stall_seconds": 2}


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=31, flows=FLOWS_MADE)


def doctor(pipeline: Pipeline, status: int) -> dict[str, object]:
    done = run_weir("doctor", "--for", "worker", "--format", "json", settings=pipeline.settings, status=status)
    (found,) = [row for row in map(json.loads, done.stdout.splitlines()) if row["part"] == "group"]
    return dict(found)


def test_a_server_that_is_away_makes_a_worker_unhealthy_and_ends_it_not(
    clean_kafka: str, host: EngineHost, made: Made, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, {**IMPATIENT, "metrics_port": port})
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("some.jsonl", [*filter(is_no_flow, made.lines), *made.lines[: FLOWS_MADE // 2]]))
        pipeline.wait_until_read(worker)
        assert ask(port, "/health")[0] == 200
        found = doctor(pipeline, 0)
        assert found["fit"] and found["found"] == "weir has read everything"
        host.kill()
        pipeline.replay(pipeline.write("all.jsonl", made.lines))
        wait_for(lambda: "waiting for ClickHouse" in ask(port, "/health")[1], 30, "the worker to say what it waits for")
        wait_for(lambda: ask(port, "/health")[0] == 503, 30, "the worker to be unhealthy")
        found = doctor(pipeline, 1)
        assert not found["fit"] and "behind" in str(found["found"])
        worker.until(lambda: ask(port, "/health/live")[0] == 200, 5, "it to live on")
        host.start()
        pipeline.wait_until_read(worker)
        wait_for(lambda: ask(port, "/health")[0] == 200, 30, "the worker to be healthy")
        worker.stop()
    assert_holds(pipeline, made)


def test_a_worker_whose_call_never_returns_ends_itself(clean_kafka: str, host: EngineHost, made: Made, tmp_path: Path) -> None:
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, IMPATIENT)
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("some.jsonl", [*filter(is_no_flow, made.lines), *made.lines[: FLOWS_MADE // 2]]))
        worker.until(lambda: len(committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC)) > 0, 30, "a block")
        host.signal(signal.SIGSTOP)
        pipeline.replay(pipeline.write("all.jsonl", made.lines))
        worker.wait(90, status=1)
        said = worker.stderr.splitlines()[-1]
        assert said.startswith("The worker is stuck: weir.flows:") and "no server is being waited for" in said
    host.signal(signal.SIGCONT)
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        worker.stop()
    assert_holds(pipeline, made)
