"""Workers that are killed, join, leave and stop: the tables are those of one worker that nothing ever happened to."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from schemas.topics import FLOWS_TOPIC
from tests.faults.armed import armed
from tests.integration.made_recording import Made, made_recording
from tests.integration.pipeline_support import ASSIGNED, GROUP, HOLD_SECONDS, Pipeline, assert_holds, rewind
from tests.sinks.oracle import newest_part
from tests.support.clickhouse import EngineHost
from tests.support.offsets import committed_offsets, lag
from tests.support.processes import Child, weir

FLOWS_MADE = 3_000
SMALL_BLOCKS: dict[str, object] = {"batch_flows": 60, "block_flows": 150, "hold_seconds": HOLD_SECONDS}
"""Hundreds of blocks, so that whatever happens finds one at work."""


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=11, flows=FLOWS_MADE)


def _progress(pipeline: Pipeline) -> int:
    return sum(committed_offsets(pipeline.bootstrap, GROUP, FLOWS_TOPIC).values())


def test_killed_at_random_moments(clean_kafka: str, made: Made, tmp_path: Path) -> None:
    """The engine dies with its worker: between any two steps of a block, and in the middle of them."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    moments, kills = random.Random(7), 0
    path = pipeline.write("whole.jsonl", made.lines)
    with pipeline.replaying(path) as replay:
        for _ in range(5):
            pipeline.replay(path)  # repeats, so that however fast it is, a worker has something left to do
            with weir("worker", settings=pipeline.settings) as worker:
                worker.line(ASSIGNED, 60)
                before = _progress(pipeline)
                worker.until(lambda before=before: _progress(pipeline) > before or not lag(clean_kafka, GROUP, FLOWS_TOPIC), 30, "a block")
                kills += lag(clean_kafka, GROUP, FLOWS_TOPIC) > 0
                time.sleep(moments.uniform(0, 0.3))  # a moment that nothing announces
                worker.kill()
        replay.wait()
    assert kills > 1, "the workers were done before they could be killed: make blocks smaller"
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)


def test_killed_while_a_rewound_group_has_a_block_pending(clean_kafka: str, made: Made, tmp_path: Path) -> None:
    """It is of messages that other blocks have applied, cut anew: what those brought is not the pending block's own to bring again."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    pipeline.replay(pipeline.write("whole.jsonl", made.lines))
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        worker.stop()
    rewind(clean_kafka)
    recut = pipeline.having(block_flows=400)
    arming = armed("block.decided", 1, signal.SIGKILL, tmp_path / "notes", "worker")
    with Child(arming, recut.settings) as dying:
        dying.wait(60, status=-signal.SIGKILL)
    with recut.worker() as worker:
        recut.wait_until_read(worker)
        assert_holds(recut, made)


@pytest.mark.parametrize("table", ["flows", "flows_1h"])
def test_the_next_worker_makes_good_what_a_killed_engine_only_noted(table: str, clean_kafka: str, made: Made, tmp_path: Path) -> None:
    """The pending block's last part is taken away, as an engine that dies before its rename leaves it (`sinks/exactly_once/repair.py`)."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    pipeline.replay(pipeline.write("whole.jsonl", made.lines))
    with Child(armed("insert.flows", 3, signal.SIGKILL, tmp_path / "notes", "worker"), pipeline.settings) as dying:
        dying.wait(60, status=-signal.SIGKILL)
    with pipeline.sink() as sink:
        lost = newest_part(sink, table)
    shutil.rmtree(lost)
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)


@contextmanager
def _overtaken(pipeline: Pipeline, path: Path, leave: Callable[[Child], None]) -> Iterator[tuple[Child, Callable[[], None]]]:
    """A worker at work, to whom `leave` happens, and another that has had blocks since, with messages coming all the while.

    Yields the first, and what waits until everything has been read and is held against the recording.
    """
    with pipeline.worker() as first, pipeline.replaying(path) as replay:
        first.until(lambda: _progress(pipeline) > 5, 30, "some blocks")
        leave(first)
        with pipeline.having(state_dir=pipeline.directory / "other").worker() as second, pipeline.replaying(path) as again:
            joined = _progress(pipeline)
            second.until(lambda: _progress(pipeline) > joined, 30, "some blocks since the second worker came")

            def settle() -> None:
                replay.wait()
                again.wait()
                pipeline.wait_until_read(second)

            yield first, settle


def test_one_joins_and_one_leaves(clean_kafka: str, host: EngineHost, made: Made, tmp_path: Path) -> None:
    """Two rebalances."""
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, SMALL_BLOCKS)
    with _overtaken(pipeline, pipeline.write("whole.jsonl", made.lines), lambda _: None) as (first, settle):
        first.stop(10)
        settle()
        assert_holds(pipeline, made)


def test_a_worker_that_was_stopped_for_too_long_does_no_harm(clean_kafka: str, host: EngineHost, made: Made, tmp_path: Path) -> None:
    """SIGSTOP for longer than its session: another takes its partitions over, and it goes on without them."""
    pipeline = Pipeline(clean_kafka, host.url, tmp_path, SMALL_BLOCKS)
    path = pipeline.write("whole.jsonl", made.lines)
    with _overtaken(pipeline, path, lambda worker: worker.signal(signal.SIGSTOP)) as (first, settle):
        first.signal(signal.SIGCONT)
        settle()
        assert_holds(pipeline, made)
        first.line(rf"(?s)({ASSIGNED}.*){{2}}", 30)


def test_sigterm_ends_it_soon_and_loses_nothing(clean_kafka: str, made: Made, tmp_path: Path) -> None:
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    pipeline.replay(pipeline.write("whole.jsonl", made.lines))
    with pipeline.worker() as worker:
        worker.until(lambda: _progress(pipeline) > 3, 30, "some blocks")
        worker.stop(10)
    assert lag(clean_kafka, GROUP, FLOWS_TOPIC) > 0
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        assert_holds(pipeline, made)
