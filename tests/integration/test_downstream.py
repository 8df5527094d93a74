"""A program that reads weir.attributed has the tables' totals, whoever is killed between any two steps."""

from __future__ import annotations

import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from schemas.topics import ATTRIBUTED_TOPIC, FLOWS_TOPIC
from streams.client.attributed_consumer import AttributedConsumer
from streams.client.duplicates import DeliveryState, Part, part_of
from streams.intake.transport import encode_pending
from tests.integration.made_recording import Made, made_recording
from tests.integration.pipeline_support import GROUP, HOLD_SECONDS, Pipeline, assert_holds, read_topic, rows
from tests.support.offsets import end_offsets
from tests.support.processes import ROOT, Child, wait_for

FLOWS_MADE = 3_000
SMALL_BLOCKS: dict[str, object] = {"batch_flows": 50, "block_flows": 200, "hold_seconds": HOLD_SECONDS}
OTHER_NAMES: dict[str, object] = {"skew_ms": 20_000, "gap_seconds": 60}
"""So much doubt about clocks leaves many a remote end without its name."""
EXAMPLE = ROOT / "infra" / "examples" / "attributed_totals.py"
Totals = dict[tuple[str, str], tuple[int, int]]


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=29, flows=FLOWS_MADE)


def parts_of(kafka: str) -> dict[tuple[int, Part], list[Message]]:
    """Every message of the topic, by what a consumer tells repeats by."""
    found = defaultdict(list)
    for message in read_topic(kafka, ATTRIBUTED_TOPIC):
        found[message.partition() or 0, part_of(message.headers() or ())].append(message)  # type: ignore[arg-type]
    return found


def decide_again(kafka: str, parts: set[Part]) -> int:
    """Sets the group to where a worker was that had published its last block, and had not committed it. How many partitions that is."""
    newest: dict[int, Part] = {}
    for part in sorted(parts, key=lambda part: part.last):
        newest[int(part.source.partition("@")[0].rpartition(":")[2])] = part
    places = [
        TopicPartition(FLOWS_TOPIC, partition, part.first, encode_pending((part.first, part.last))) for partition, part in newest.items()
    ]
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": GROUP, "enable.auto.commit": False})
    try:
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()
    return len(places)


def example(kafka: str, database: Path, *more: str) -> Child:
    settings = ("--set", "session.timeout.ms=2000", "--set", "heartbeat.interval.ms=500")
    return Child([sys.executable, EXAMPLE, kafka, database, *settings, *more], env={"PYTHONPATH": str(ROOT)}, name="the example")


def totals_of(database: Path) -> Totals:
    with closing(sqlite3.connect(database)) as db:
        return {(client, server): (flows, size) for client, server, flows, size in db.execute("SELECT * FROM totals")}


def tables_totals(pipeline: Pipeline) -> Totals:
    client, server = (f"if(role = 'server', {one}_workload, {other}_workload)" for one, other in (("remote", "local"), ("local", "remote")))
    sql = f"SELECT {client}, {server}, count(), sum(bytes_sent + bytes_received) FROM weir.flows WHERE canonical GROUP BY ALL"  # noqa: S608
    with pipeline.sink() as sink:
        found = rows(sink, sql)
    return {(client, server): (int(flows), int(size)) for client, server, flows, size in found}


def key_of(flow: dict[str, object]) -> tuple[object, ...]:
    names = ("node_id", "epoch", "window_start", "network", "local_ip", "remote_ip", "service_port", "protocol", "role", "local_workload")
    return tuple(flow[name] for name in names)


def read_once(kafka: str, group: str) -> tuple[list[dict[str, object]], int]:
    """Every flow that counts, and how many messages were repeats, from the beginning to the end."""
    flows: list[dict[str, object]] = []
    repeats, ends = 0, end_offsets(kafka, ATTRIBUTED_TOPIC)
    left = {partition for partition, end in ends.items() if end}
    with AttributedConsumer({"bootstrap.servers": kafka, "group.id": group}, lambda _: "") as consumer:

        def poll() -> bool:
            nonlocal repeats
            taken = consumer.poll(1)
            flows.extend(taken.flows())
            repeats += taken.repeats
            left.difference_update(p for p, state in taken.moved.items() if DeliveryState.from_text(state.after).next_offset == ends[p])
            return not left

        wait_for(poll, 60, "everything to be read")
    return flows, repeats


def test_a_worker_is_killed_between_publishing_and_committing(clean_kafka: str, made: Made, tmp_path: Path) -> None:
    """Its successor publishes the block again, knows other names, and cuts it into the same parts."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("whole.jsonl", made.lines))
        pipeline.wait_until_read(worker)
        worker.stop()
    once = parts_of(clean_kafka)
    assert {len(messages) for messages in once.values()} == {1}
    decided = decide_again(clean_kafka, {part for _, part in once})
    successor = pipeline.having(**OTHER_NAMES)
    with successor.worker() as worker:
        successor.wait_until_read(worker)
        worker.stop()
    twice = parts_of(clean_kafka)
    again = [messages for messages in twice.values() if len(messages) > 1]
    assert twice.keys() == once.keys() and len({part_of(m[0].headers() or ()).source for m in again}) == decided  # type: ignore[arg-type]
    assert any(one.value() != other.value() for one, other in again), "no name differed, and nothing was tried"
    flows, repeats = read_once(clean_kafka, "afterwards")
    assert repeats == len(again)
    assert len(flows) == len(made.rows) and len(set(map(key_of, flows))) == len(flows)
    assert_holds(pipeline, made)


def test_the_example_has_the_tables_totals_through_kills(clean_kafka: str, made: Made, tmp_path: Path) -> None:
    """Two of them over one database are killed again and again, while old messages come again in any order."""
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, SMALL_BLOCKS)
    with pipeline.worker() as worker:
        pipeline.replay(pipeline.write("whole.jsonl", made.lines))
        pipeline.wait_until_read(worker)
        worker.stop()
    random, database = Random(29), tmp_path / "totals.sqlite"
    messages = read_topic(clean_kafka, ATTRIBUTED_TOPIC)
    producer = Producer({"bootstrap.servers": clean_kafka, "acks": "all", "enable.idempotence": True})
    for round_number in range(4):
        with example(clean_kafka, database) as one, example(clean_kafka, database) as other:
            before = moved(database)
            one.until(lambda before=before: moved(database) != before, 60, "progress")  # type: ignore[misc]
            for message in random.sample(messages, len(messages) // 2):
                producer.produce(ATTRIBUTED_TOPIC, message.value(), message.key(), message.partition() or 0, headers=message.headers())
            assert producer.flush(30) == 0
            for victim in random.sample([one, other], 1 + round_number % 2):
                victim.kill()
    with example(clean_kafka, database, "--idle", "8") as last:
        last.wait(60)
    assert totals_of(database) == tables_totals(pipeline)


def moved(database: Path) -> list[tuple[object, ...]]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database, timeout=30)) as db:
        try:
            return db.execute("SELECT * FROM places ORDER BY 1").fetchall()
        except sqlite3.OperationalError:  # no table yet
            return []
