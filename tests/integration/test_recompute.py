"""A span made anew: the same rows where nothing has been learned since, the right names where something has, and nothing twice."""

from __future__ import annotations

import signal
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.failpoints import RECOMPUTE_POINTS
from schemas.instants import format_instant
from schemas.topics import ATTRIBUTED_TOPIC, FLOWS_TOPIC
from tests.faults.armed import armed
from tests.integration.made_recording import SECOND_US, Made, half_an_hour_ago_us, instant, made_recording
from tests.integration.pipeline_support import GROUP, HOLD_SECONDS, Pipeline, assert_holds, rows
from tests.sinks.oracle import assert_rollups_follow
from tests.support.offsets import committed_offsets, end_offsets
from tests.support.processes import Child, run_weir

HOUR_US = 3_600 * SECOND_US
BORDER_US = half_an_hour_ago_us() // HOUR_US * HOUR_US
START_US = BORDER_US - 100 * SECOND_US
"""Ten windows before a full hour, and ten after it."""
SPAN = (instant(BORDER_US - HOUR_US), instant(BORDER_US))
TABLES = ("flows", "flows_1m", "flows_5m", "flows_1h", "losses", "batches", "ownership")
SMALL_BLOCKS: dict[str, object] = {"batch_flows": 60, "block_flows": 150, "hold_seconds": HOLD_SECONDS}


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=41, flows=2_000, start_us=START_US)


@pytest.fixture
def pipeline(clean_kafka: str, made: Made, tmp_path: Path) -> Pipeline:
    """The recording has been applied, and nobody is at work."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    pipeline.replay(pipeline.write("whole.jsonl", made.lines))
    read_on(pipeline)
    return pipeline


def read_on(pipeline: Pipeline) -> None:
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker, 60)
        worker.stop()


def recompute(pipeline: Pipeline, *more: str, status: int = 0, span: tuple[str, str] = SPAN) -> str:
    done = run_weir("recompute", *span, *more, settings=pipeline.settings, status=status)
    return done.stderr.strip().splitlines()[-1] if status else done.stdout


def contents(pipeline: Pipeline) -> dict[str, pa.Table]:
    """All that the tables say but when and with which block it was written."""
    with pipeline.sink() as sink:
        found = {}
        for table in TABLES:
            final = "FINAL" if table.startswith("flows_") else ""
            left_out = ("written_at", "block", "learned_at")
            columns = [name for name in sink.query(f"SELECT * FROM weir.{table} LIMIT 0").column_names if name not in left_out]  # noqa: S608
            found[table] = sink.query(f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM weir.{table} {final} ORDER BY ALL")  # noqa: S608
        return found


def assert_same(before: dict[str, pa.Table], after: dict[str, pa.Table]) -> None:
    for table in TABLES:
        assert before[table].equals(after[table]), f"{table} had {before[table].num_rows} rows and has {after[table].num_rows}"


def published(pipeline: Pipeline) -> int:
    return sum(end_offsets(pipeline.bootstrap, ATTRIBUTED_TOPIC).values())


def test_what_has_not_changed_comes_back_once(pipeline: Pipeline, made: Made) -> None:
    """Twice, and cut into other blocks the second time. Downstream nothing is said again."""
    before, told = contents(pipeline), published(pipeline)
    offsets = committed_offsets(pipeline.bootstrap, GROUP, FLOWS_TOPIC)
    assert "Nothing was changed" in recompute(pipeline)
    assert_same(before, contents(pipeline))
    assert committed_offsets(pipeline.bootstrap, GROUP, FLOWS_TOPIC) == offsets
    for again in (pipeline, pipeline.having(block_flows=400)):
        assert "Done" in recompute(again, "--yes")
        assert 0 < contents(again)["flows"].num_rows < before["flows"].num_rows
        read_on(again)
        assert_holds(again, made)
        assert_same(before, contents(again))
    assert published(pipeline) == told


def test_a_wrong_name_is_put_right_by_what_came_later(pipeline: Pipeline) -> None:
    """The load balancer had changed hands half a minute before the first window, and the event came after the flows were named."""
    before = contents(pipeline)
    late = {"kind": "ip_event", "ip": "10.9.0.0", "at": instant(START_US - 30 * SECOND_US)}
    pairs = (("lb-0-old", "unassigned"), ("lb-0-true", "assigned"))
    path = pipeline.write("late.jsonl", [orjson.dumps({**late, "workload": name, "event": event}) for name, event in pairs])
    run_weir("ip-events", path, settings=pipeline.settings)
    recompute(pipeline, "--yes")
    read_on(pipeline)
    after = contents(pipeline)
    wrong = before["flows"].column("remote_workload").to_pylist()
    right = ["lb-0-true" if name == "lb-0-old" else name for name in wrong]
    assert right != wrong
    place = before["flows"].column_names.index("remote_workload")
    corrected = before["flows"].set_column(place, before["flows"].field(place), pa.array(right).cast(before["flows"].field(place).type))
    assert set(map(repr, corrected.to_pylist())) == set(map(repr, after["flows"].to_pylist()))
    assert corrected.num_rows == after["flows"].num_rows
    assert before["losses"].equals(after["losses"])
    with pipeline.sink() as sink:
        assert_rollups_follow(sink)
        assert not rows(sink, "SELECT 1 FROM weir.flows_1h WHERE remote_workload = 'lb-0-old'")


def test_killed_between_two_steps(pipeline: Pipeline, made: Made) -> None:
    """Workers wait for the same command to finish it, whatever it had come to."""
    before = contents(pipeline)
    elsewhere = (instant(BORDER_US), instant(BORDER_US + HOUR_US))
    for point in RECOMPUTE_POINTS:
        nth = 3 if point == "recompute.removing" else 1
        arming = armed(point, nth, signal.SIGKILL, pipeline.directory / "notes", "recompute", *SPAN, "--yes")
        with Child(arming, pipeline.settings) as dying:
            dying.wait(60, status=-signal.SIGKILL)
        with pipeline.worker(r"recomputation \d is under way") as worker:
            worker.stop()
        assert "interrupted, and comes first" in recompute(pipeline, status=1, span=elsewhere)
        recompute(pipeline, "--yes")
        read_on(pipeline)
        assert_holds(pipeline, made)
        assert_same(before, contents(pipeline))


def test_what_must_not_be_done_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    before = contents(pipeline)
    odd = instant(BORDER_US + 60 * SECOND_US)
    assert "must be a whole hour" in recompute(pipeline, status=2, span=(SPAN[0], odd))
    assert "later than FROM" in recompute(pipeline, status=2, span=(SPAN[1], SPAN[0]))
    empty = (instant(BORDER_US - 2 * HOUR_US), instant(BORDER_US - HOUR_US))
    assert "hold nothing from" in recompute(pipeline, "--yes", status=1, span=empty)
    assert "WEIR_DEDUP_SECONDS" in recompute(pipeline.having(dedup_seconds=60), "--yes", status=1)
    assert "WEIR_DEDUP_ENTRIES" in recompute(pipeline.having(dedup_entries=1_000), "--yes", status=1)
    assert "of this topic and group other" in recompute(pipeline.having(group="other"), "--yes", status=1)
    busy = pipeline.having(clickhouse_url=f"chdb://{tmp_path / 'elsewhere'}")
    with busy.worker() as worker:
        assert "stop them, and start them again" in recompute(pipeline, "--yes", status=1)
        worker.stop()
    forget(pipeline.bootstrap)
    assert f"what came after {format_instant(BORDER_US + HOUR_US)};" in recompute(pipeline, "--yes", status=1)
    assert_same(before, contents(pipeline))


def forget(bootstrap: str) -> None:
    """Kafka's retention takes everything that the topic holds."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    ends = [TopicPartition(FLOWS_TOPIC, partition, end) for partition, end in end_offsets(bootstrap, FLOWS_TOPIC).items()]
    for future in client.delete_records(ends).values():
        future.result(10)
