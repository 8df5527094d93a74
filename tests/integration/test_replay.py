"""The same recording, however it comes: again, in other batches, in parts, from two processes, over a restart, from the beginning."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader

from schemas.records.tables import FLOWS
from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.schema_files import current
from tests.integration.made_recording import ROW, SELECTED, Made, made_recording
from tests.integration.pipeline_support import ASSIGNED, Pipeline, assert_holds, assert_unchanged, read_topic, rewind, rows, snapshot
from tests.support.kafka import delete_all_topics
from tests.support.processes import Child, weir

FLOWS_MADE = 20_000


class Running:
    """A pipeline with one worker."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.worker = self.start()

    def start(self) -> Child:
        self.worker = weir("worker", settings=self.pipeline.settings)
        self.worker.line(ASSIGNED, 60)
        return self.worker

    def wait_until_read(self) -> None:
        self.pipeline.wait_until_read(self.worker)

    def stop(self) -> None:
        with self.worker:
            self.worker.stop()


@pytest.fixture(scope="module")
def made() -> Made:
    return made_recording(seed=3, flows=FLOWS_MADE)


@pytest.fixture(scope="module")
def running(kafka: str, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The recording was played by two processes at once, in other batches; neither knows of the other. A worker goes on running."""
    delete_all_topics(kafka)
    directory = tmp_path_factory.mktemp("replay")
    pipeline = Pipeline(kafka, f"chdb://{directory / 'data'}", directory)
    running = Running(pipeline)
    path = pipeline.write("whole.jsonl", made.lines)
    with pipeline.having(batch_flows=450).replaying(path) as one, pipeline.replaying(path) as other:
        one.wait()
        other.wait()
        assert one.stdout.endswith(", 0 lines refused\n")
    running.wait_until_read()
    yield running
    running.worker.__exit__(None, None, None)


@pytest.fixture
def applied(running: Running) -> Pipeline:
    return running.pipeline


def test_two_processes_deliver_every_row_once_and_named_as_the_recording_says(applied: Pipeline, made: Made) -> None:
    assert_holds(applied, made)


def test_again_in_other_batches_and_in_another_order(running: Running, made: Made) -> None:
    applied = running.pipeline
    before = snapshot(applied)
    shuffled = random.Random(5).sample(made.lines, len(made.lines))
    applied.having(batch_flows=97).replay(applied.write("shuffled.jsonl", shuffled))
    running.wait_until_read()
    assert_unchanged(before, snapshot(applied))


def test_again_in_parts(running: Running, made: Made) -> None:
    applied = running.pipeline
    before = snapshot(applied)
    for number, part in enumerate((made.lines[:7_000], made.lines[6_000:13_000])):
        applied.replay(applied.write(f"part-{number}.jsonl", part))
    running.wait_until_read()
    assert_unchanged(before, snapshot(applied))


def test_again_over_a_restart_and_from_the_beginning(running: Running, made: Made) -> None:
    """The new worker meets everything that the old one has applied: what stayed in Kafka, and one more replay of it."""
    pipeline = running.pipeline
    before = snapshot(pipeline)
    running.stop()
    rewind(pipeline.bootstrap)
    pipeline.having(batch_flows=1_000).replay(pipeline.write("once-more.jsonl", made.lines[::2]))
    running.start()
    running.wait_until_read()
    assert_unchanged(before, snapshot(pipeline))


def test_attributed_flows_are_the_table(applied: Pipeline) -> None:
    """Read by nothing but a public Avro library: whoever drops repeats by the two headers has every row of `flows` once."""
    schema = parse_schema(json.loads(current("AttributedFlows").text))
    columns = ("partition", "first_offset", *ROW)
    parts: dict[tuple[bytes, bytes], list[tuple[object, ...]]] = {}
    for message in read_topic(applied.bootstrap, ATTRIBUTED_TOPIC):
        headers = dict(message.headers() or ())
        record: Any = schemaless_reader(BytesIO((message.value() or b"")[10:]), schema, None)
        for row in record["flows"]:
            assert set(row) == set(FLOWS.names)
            assert all(row[name] == record[name] for name in ("window_start", "window_seconds", "region"))
        parts[headers["weir-source"], headers["weir-part"]] = [tuple(_micros(row[name]) for name in columns) for row in record["flows"]]
    for source, part in parts:
        assert re.fullmatch(rb"weir\.flows:\d+:\d+-\d+", source)
        assert re.fullmatch(rb"[1-9]\d*/[1-9]\d*", part)
    found = [row for part in parts.values() for row in part]
    with applied.sink() as sink:
        wanted = rows(sink, f"SELECT partition, first_offset, {SELECTED} FROM weir.flows")  # noqa: S608
    assert len(found) == len(wanted) == FLOWS_MADE
    assert set(found) == set(wanted)


def _micros(value: object) -> object:
    return round(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value
