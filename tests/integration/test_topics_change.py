"""Topics that change under a worker that runs: made anew, gone, grown, or with less in them than before."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import frame
from tests.faults.armed import armed
from tests.integration.bad_messages import ROWS, good_batch
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline, rows
from tests.sinks.oracle import assert_rollups_follow
from tests.support.http import health
from tests.support.kafka import free_ports
from tests.support.offsets import committed_offsets, end_offsets
from tests.support.processes import Child, run_weir, wait_for

NOTICED_SECONDS = 30


@pytest.fixture
def pipeline(clean_kafka: str, tmp_path: Path) -> Pipeline:
    (port,) = free_ports(1)
    made = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, {"hold_seconds": 1, "metrics_port": port})
    run_weir("topics", settings=made.settings)
    return made


@pytest.fixture
def admin(clean_kafka: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": clean_kafka, "log_level": 0})


def send(pipeline: Pipeline, *nodes: str, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": pipeline.bootstrap, "acks": "all"})
    for node in nodes:
        producer.produce(FLOWS_TOPIC, frame("FlowBatch", encode_batch(good_batch(node))), node.encode(), partition)
    assert producer.flush(30) == 0


def counted(pipeline: Pipeline) -> list[tuple[object, ...]]:
    """(node, rows), by node."""
    with pipeline.sink() as sink:
        return rows(sink, "SELECT node_id, count() FROM weir.flows GROUP BY node_id ORDER BY node_id")


def test_a_topic_made_anew_is_read_from_its_beginning(pipeline: Pipeline, admin: AdminClient) -> None:
    """The new topic's messages have offsets of the old one's, and none of them is taken for one."""
    with pipeline.worker() as worker:
        send(pipeline, "a", "b", "c")
        pipeline.wait_until_read(worker)
        admin.delete_topics([FLOWS_TOPIC])[FLOWS_TOPIC].result(30)
        waiting = (503, "waiting for Kafka to tell of its topics")
        wait_for(lambda: health(pipeline.more["metrics_port"]) == waiting, NOTICED_SECONDS, "the worker to miss the topic")
        admin.create_topics([NewTopic(FLOWS_TOPIC, 2, 1)])[FLOWS_TOPIC].result(30)
        send(pipeline, "d", "e", "f")
        wait_for(lambda: len(counted(pipeline)) == 6, NOTICED_SECONDS, "the new topic's flows")
        assert counted(pipeline) == [(node, ROWS) for node in "abcdef"]
        worker.stop()


def test_a_topic_made_anew_between_two_looks_is_noticed(pipeline: Pipeline, admin: AdminClient) -> None:
    with pipeline.worker() as worker:
        send(pipeline, "a", "b", "c")
        pipeline.wait_until_read(worker)
        admin.delete_topics([FLOWS_TOPIC])[FLOWS_TOPIC].result(30)
        wait_for(lambda: FLOWS_TOPIC not in admin.list_topics(timeout=10).topics, 30, "the topic to be gone")
        admin.create_topics([NewTopic(FLOWS_TOPIC, 8, 1)])[FLOWS_TOPIC].result(30)
        send(pipeline, "d", "e", "f", "g")
        wait_for(lambda: len(counted(pipeline)) == 7, NOTICED_SECONDS, "the new topic's flows")
        assert counted(pipeline) == [(node, ROWS) for node in "abcdefg"]
        wait_for(lambda: committed_offsets(pipeline.bootstrap, GROUP, FLOWS_TOPIC).get(0) == 4, 30, "the new topic's offsets")
        worker.stop()
    with pipeline.sink() as sink:
        (lost,) = rows(sink, "SELECT count() FROM weir.losses")
    assert lost == (0,)


def test_partitions_that_are_added_are_read(pipeline: Pipeline, admin: AdminClient) -> None:
    with pipeline.worker() as worker:
        send(pipeline, "a")
        pipeline.wait_until_read(worker)
        admin.create_partitions([NewPartitions(FLOWS_TOPIC, 9)])[FLOWS_TOPIC].result(30)
        wait_for(lambda: len(end_offsets(pipeline.bootstrap, FLOWS_TOPIC)) == 9, 30, "the new partition to be there")
        send(pipeline, "b", partition=8)
        wait_for(lambda: len(counted(pipeline)) == 2, NOTICED_SECONDS, "the new partition's flows")
        assert "topic weir.flows has 9 partitions now, and had 8" in worker.stderr
        worker.stop()


def test_a_worker_in_reserve_says_so(clean_kafka: str, admin: AdminClient, tmp_path: Path) -> None:
    admin.create_topics([NewTopic(FLOWS_TOPIC, 1, 1)])[FLOWS_TOPIC].result(30)
    ports = free_ports(2)
    crew = [
        Pipeline(clean_kafka, f"chdb://{tmp_path / str(port)}", tmp_path / str(port), {"hold_seconds": 1, "metrics_port": port})
        for port in ports
    ]
    with crew[0].worker(), crew[1].worker("assigned partitions"):
        said = "no partitions: 2 workers share 1, and this one is in reserve"
        wait_for(lambda: (200, said) in [health(port) for port in ports], NOTICED_SECONDS, "the worker without partitions to say so")
        done = run_weir("doctor", "--for", "worker", "--format", "json", settings=crew[0].settings, status=None)
        (found,) = [row for row in map(json.loads, done.stdout.splitlines()) if row["part"] == "group"]
        assert found["fit"], found


@pytest.fixture
def emptied(pipeline: Pipeline, admin: AdminClient) -> Iterator[Pipeline]:
    """A group that has read 2 messages of partition 0, of which Kafka has dropped 5 since; 2 are there."""
    with pipeline.worker() as worker:
        send(pipeline, "a", "b")
        pipeline.wait_until_read(worker)
        worker.stop()
    send(pipeline, "c", "d", "e", "f", "g")
    drop_before(admin, 5)
    yield pipeline


def drop_before(admin: AdminClient, offset: int) -> None:
    """As retention does."""
    place = TopicPartition(FLOWS_TOPIC, 0, offset)
    admin.delete_records([place])[place].result(30)


LOSSES = "SELECT stage, reason, messages, id, toString(topic), `partition`, first_offset FROM weir.losses"
DROPPED = ("kafka", "retention", 3, 2, FLOWS_TOPIC, 0, 5)


def test_what_kafka_dropped_before_it_was_read_is_a_loss(emptied: Pipeline) -> None:
    with emptied.worker() as worker:
        emptied.wait_until_read(worker)
        worker.line("weir.flows:0: Kafka dropped 3 messages, offsets 2 to 4, before they were applied; they are in the table losses")
        worker.stop()
    with emptied.sink() as sink:
        assert rows(sink, LOSSES) == [DROPPED]
    assert counted(emptied) == [(node, ROWS) for node in "abfg"]


@pytest.mark.parametrize("point", ["block.decided", "insert.losses", "loss.told", "loss.committed"])
def test_it_is_told_once_whenever_the_worker_dies(point: str, emptied: Pipeline) -> None:
    notes = emptied.directory / "notes"
    with Child(armed(point, 1, signal.SIGKILL, notes, "worker"), emptied.settings) as dying:
        dying.wait(60, status=-signal.SIGKILL)
    with emptied.worker() as worker:
        emptied.wait_until_read(worker)
        worker.stop()
    with emptied.sink() as sink:
        assert rows(sink, LOSSES) == [DROPPED]
    assert counted(emptied) == [(node, ROWS) for node in "abfg"]


def decided(pipeline: Pipeline, point: str) -> None:
    """A worker has died at the point in the block of the messages "a" and "b", which may have come one after the other."""
    send(pipeline, "a", "b")
    with Child(armed(point, 1, signal.SIGKILL, pipeline.directory / "first", "worker"), pipeline.settings) as dying:
        dying.wait(60, status=-signal.SIGKILL)


TOLD = "SELECT id, messages FROM weir.losses WHERE stage = 'kafka' ORDER BY id"


@pytest.mark.parametrize(
    ("point", "earliest", "lost", "again"),
    [
        ("block.decided", 2, "ab", "insert.losses"),
        ("block.inserted", 2, "", "loss.told"),
        ("block.decided", 1, "a", "block.committed"),
    ],
)
def test_a_decided_block_is_written_or_told(
    point: str, earliest: int, lost: str, again: str, pipeline: Pipeline, admin: AdminClient
) -> None:
    """Retention takes all or the first of its messages after the worker died, which then dies again while it tells."""
    decided(pipeline, point)
    send(pipeline, "c", "d")
    drop_before(admin, earliest)
    with Child(armed(again, 1, signal.SIGKILL, pipeline.directory / "again", "worker"), pipeline.settings) as dying:
        dying.wait(60, status=-signal.SIGKILL)
    with pipeline.worker() as worker:
        pipeline.wait_until_read(worker)
        worker.stop()
    assert counted(pipeline) == [(node, ROWS) for node in "abcd" if node not in lost]
    with pipeline.sink() as sink:
        assert rows(sink, TOLD) == ([(0, len(lost))] if lost else [])
        assert_rollups_follow(sink)


def test_what_kafka_drops_under_a_suspended_worker_is_a_loss(pipeline: Pipeline, admin: AdminClient) -> None:
    """The consumer is set forward by the broker; the offsets tell."""
    patient = pipeline.having(session_seconds=30)
    with patient.worker() as worker:
        send(pipeline, "a", "b")
        pipeline.wait_until_read(worker)
        worker.signal(signal.SIGSTOP)
        send(pipeline, "c", "d", "e", "f", "g")
        drop_before(admin, 5)
        worker.signal(signal.SIGCONT)
        pipeline.wait_until_read(worker)
        worker.stop()
    with pipeline.sink() as sink:
        dropped = sum(count for (count,) in rows(sink, "SELECT messages FROM weir.losses"))  # type: ignore[misc]
    # What was fetched before it was dropped has been counted.
    assert dropped + len(counted(pipeline)) == 7


def test_a_message_that_no_block_can_hold_is_put_aside(pipeline: Pipeline) -> None:
    """By a worker that has a defect; whatever it raises."""
    program = [sys.executable, "-m", "tests.faults.poisoned", "weir.cli", "worker"]
    with Child(program, pipeline.settings) as worker:
        worker.line(ASSIGNED, 60)
        send(pipeline, "a", "poison", "b", "poison", "c")
        pipeline.wait_until_read(worker)
        worker.stop()
    assert counted(pipeline) == [(node, ROWS) for node in "abc"]
    listed = run_weir("dead-letter", "list", "--format", "json", settings=pipeline.settings).stdout.splitlines()
    assert len(listed) == 2 and all("cannot be built (OverflowError: int too big to convert)" in line for line in listed)
