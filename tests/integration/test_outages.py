"""Kafka or ClickHouse absent at the start, or gone in the middle: what was taken waits, and is there once when they are back."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.topics import FLOWS_TOPIC
from tests.integration.made_recording import Made, is_no_flow, made_recording
from tests.integration.pipeline_support import GROUP, Pipeline, assert_holds
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer
from tests.support.offsets import committed_offsets, end_offsets, lag
from tests.support.processes import weir

FLOWS_MADE = 1_500
AWAY_SECONDS = 6
WAITING_FOR_KAFKA = r"Kafka at 127\.0\.0\.1:\d+ does not answer"
SMALL_BLOCKS: dict[str, object] = {"batch_flows": 60, "block_flows": 150, "hold_seconds": 1}


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=23, flows=FLOWS_MADE)


@pytest.fixture
def away_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that has not been started."""
    server = KafkaServer(tmp_path / "broker")
    yield server
    server.kill()


def test_a_command_without_kafka_says_so_and_ends(made: Made, tmp_path: Path) -> None:
    """All at once: each waits as long as a broker may take to answer."""
    file = tmp_path / "whole.jsonl"
    file.write_bytes(b"\n".join(made.lines[:100]))
    commands = (("topics",), ("topics", "--check"), ("replay", file, "--speed", "0"), ("ip-events", file), ("record", "-"), ("tail",))
    with ExitStack() as stack:
        for child in [stack.enter_context(weir(*command, settings={"kafka_bootstrap": "127.0.0.1:9"})) for command in commands]:
            child.wait(60, status=1)
            last = child.stderr.strip().splitlines()[-1]
            assert re.fullmatch(r"Kafka at 127\.0\.0\.1:9 does not answer \(.*\): check WEIR_KAFKA_BOOTSTRAP and that it runs\.", last)
            assert "Traceback" not in child.stderr


def test_a_worker_waits_for_both_to_come(away_kafka: KafkaServer, away_host: EngineHost, made: Made, tmp_path: Path) -> None:
    pipeline = Pipeline(away_kafka.bootstrap, away_host.url, tmp_path, SMALL_BLOCKS)
    with pipeline.worker(WAITING_FOR_KAFKA) as worker:
        away_kafka.start()
        worker.line("waiting for ClickHouse: .* does not answer", 30)
        pipeline.replay(pipeline.write("whole.jsonl", made.lines))
        assert committed_offsets(away_kafka.bootstrap, GROUP, FLOWS_TOPIC) == {}
        away_host.start()
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)
        worker.stop(10)


def test_a_worker_that_still_waits_can_be_stopped(fresh_kafka: KafkaServer, tmp_path: Path) -> None:
    for kafka, awaited in (("127.0.0.1:9", WAITING_FOR_KAFKA), (fresh_kafka.bootstrap, "waiting for ClickHouse")):
        with Pipeline(kafka, "clickhouse://default@127.0.0.1:9/weir", tmp_path).worker(awaited) as worker:
            worker.stop(10)


def test_clickhouse_goes_away_in_the_middle(clean_kafka: str, away_host: EngineHost, made: Made, tmp_path: Path) -> None:
    """Killed while messages keep coming, and one insert more whose answer is lost. All owners are known from the start."""
    pipeline = Pipeline(clean_kafka, away_host.url, tmp_path, SMALL_BLOCKS)
    away_host.start()
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("some.jsonl", [*filter(is_no_flow, made.lines), *made.lines[: FLOWS_MADE // 2]]))
        worker.until(lambda: len(committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC)) > 0, 30, "a block")
        away_host.lose_next_answer()
        worker.line("waiting for ClickHouse", 30)
        away_host.kill()
        pipeline.replay(pipeline.write("all.jsonl", made.lines))
        before = committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC)
        threading.Event().wait(AWAY_SECONDS)  # nothing happens, and that is what is looked at
        assert committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC) == before
        assert lag(clean_kafka, GROUP, FLOWS_TOPIC) > 0
        away_host.start()
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)


def test_sigterm_while_clickhouse_is_away(clean_kafka: str, away_host: EngineHost, made: Made, tmp_path: Path) -> None:
    pipeline = Pipeline(clean_kafka, away_host.url, tmp_path, SMALL_BLOCKS)
    away_host.start()
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("whole.jsonl", made.lines))
        worker.until(lambda: len(committed_offsets(clean_kafka, GROUP, FLOWS_TOPIC)) > 0, 30, "a block")
        away_host.kill()
        worker.line("waiting for ClickHouse", 30)
        worker.stop(10)
    away_host.start()
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)


def test_kafka_goes_away_in_the_middle(fresh_kafka: KafkaServer, made: Made, tmp_path: Path) -> None:
    """Killed under a replay and a worker; both go on by themselves. The hold outlasts the outage: what is not told in time is no name."""
    pipeline = Pipeline(fresh_kafka.bootstrap, f"chdb://{tmp_path / 'data'}", tmp_path, {**SMALL_BLOCKS, "hold_seconds": 20})
    with pipeline.worker() as worker:
        path = pipeline.write("whole.jsonl", made.lines)
        with weir("replay", path, "--speed", "20", settings=pipeline.settings) as replay:
            replay.until(lambda: sum(end_offsets(fresh_kafka.bootstrap, FLOWS_TOPIC).values()) > 50, 30, "some messages")
            fresh_kafka.kill()
            threading.Event().wait(AWAY_SECONDS / 2)  # the outage
            fresh_kafka.start()
            replay.wait(60)
        pipeline.replay(path)
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)


def test_sigterm_while_kafka_is_away(fresh_kafka: KafkaServer, made: Made, tmp_path: Path) -> None:
    pipeline = Pipeline(fresh_kafka.bootstrap, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("whole.jsonl", made.lines))
        worker.until(lambda: len(committed_offsets(fresh_kafka.bootstrap, GROUP, FLOWS_TOPIC)) > 0, 30, "a block")
        fresh_kafka.kill()
        worker.stop(15)
    fresh_kafka.start()
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)
