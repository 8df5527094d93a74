"""A pipeline for tests: one broker, workers and replays as processes, and the tables as a person would ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.topics import FLOWS_TOPIC
from sinks.base import Sink
from sinks.open import open_sink
from tests.integration.made_recording import SELECTED, Loss, Made, Row
from tests.sinks.oracle import assert_rollups_follow
from tests.support.offsets import end_offsets, lag
from tests.support.processes import PATIENCE, Child, run_weir, weir

GROUP = "weir"
ASSIGNED = r"assigned partitions \[\d"

HOLD_SECONDS = round(max(4, 3 * PATIENCE))
"""Longer than a replay on a busy machine takes from a flow to the heartbeat that names it: who comes later is by design no name.

Each test waits for it once.
"""


@dataclass(frozen=True)
class Pipeline:
    """Where the parts of one test are. `more`: settings beyond the usual ones."""

    bootstrap: str
    url: str
    directory: Path
    more: dict[str, object] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, object]:
        usual = {"kafka_bootstrap": self.bootstrap, "clickhouse_url": self.url, "state_dir": self.directory / "state"}
        return {**usual, "group": GROUP, "hold_seconds": 2, "session_seconds": 2, **self.more}

    def having(self, **more: object) -> Pipeline:
        return replace(self, more={**self.more, **more})

    def write(self, name: str, lines: Iterable[bytes]) -> Path:
        path = self.directory / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    @contextmanager
    def worker(self, awaited: str = ASSIGNED) -> Iterator[Child]:
        """A worker that has come as far as the line `awaited`."""
        with weir("worker", settings=self.settings) as worker:
            worker.line(awaited, 60)
            yield worker

    def replaying(self, path: Path) -> Child:
        return weir("replay", path, "--speed", "0", settings=self.settings)

    def replay(self, path: Path) -> str:
        return run_weir("replay", path, "--speed", "0", settings=self.settings).stdout

    def wait_until_read(self, worker: Child, timeout: float = 30) -> None:
        """Returns once the group has committed everything; at once with the worker's last words where it ended before."""

        def read() -> bool:
            return any(end_offsets(self.bootstrap, FLOWS_TOPIC).values()) and not lag(self.bootstrap, GROUP, FLOWS_TOPIC)

        worker.until(read, timeout, "the group to have read everything")

    @contextmanager
    def sink(self) -> Iterator[Sink]:
        opened = open_sink(self.url, read_only=True)
        try:
            yield opened
        finally:
            opened.close()


@dataclass(frozen=True)
class Tables:
    """Everything that the tables say. Equal snapshots: nothing was added, doubled or renamed, offsets included."""

    flows: pa.Table
    flows_1m: pa.Table
    flows_5m: pa.Table
    flows_1h: pa.Table
    losses: pa.Table
    ownership: pa.Table


def snapshot(pipeline: Pipeline) -> Tables:
    """FINAL: rows of a rollup that the engine has not merged yet are no difference."""
    final = {"flows_1m": "FINAL", "flows_5m": "FINAL", "flows_1h": "FINAL"}
    with pipeline.sink() as sink:
        return Tables(*(sink.query(f"SELECT * FROM weir.{f.name} {final.get(f.name, '')} ORDER BY ALL") for f in fields(Tables)))  # noqa: S608


def assert_unchanged(before: Tables, after: Tables) -> None:
    for f in fields(Tables):
        one, other = getattr(before, f.name), getattr(after, f.name)
        assert one.equals(other), f"{f.name} had {one.num_rows} rows and has {other.num_rows}"


def assert_holds(pipeline: Pipeline, *recordings: Made) -> None:
    """The tables hold the recordings: every flow once and named by their truth, every loss once, rollups by the raw rows."""
    with pipeline.sink() as sink:
        found = rows(sink, f"SELECT {SELECTED} FROM weir.flows")  # noqa: S608
        _assert_same("flows", found, [row for made in recordings for row in made.rows])
        losses = rows(sink, f"SELECT toUnixTimestamp(window_start) * 1000000, {', '.join(Loss._fields[1:])} FROM weir.losses")  # noqa: S608
        _assert_same("losses", losses, [tuple(loss) for made in recordings for loss in made.losses])
        owned = rows(sink, "SELECT network, ip, workload, toUnixTimestamp64Micro(start), toUnixTimestamp64Micro(end) FROM weir.ownership")
        _assert_same("ownership", owned, [row for made in recordings for row in made.owned])
        assert_rollups_follow(sink)


def _assert_same(table: str, found: list[Row], wanted: list[Row]) -> None:
    doubled = len(found) - len(set(found))
    missing, odd = set(wanted) - set(found), set(found) - set(wanted)
    assert not (doubled or missing or odd), (
        f"{table}: {doubled} doubled, {len(missing)} missing, {len(odd)} not in the recording\n"
        f"missing {sorted(missing, key=str)[:3]}\nodd {sorted(odd, key=str)[:3]}"
    )


def rows(sink: Sink, sql: str) -> list[Row]:
    table = sink.query(sql)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def rewind(bootstrap: str, group: str = GROUP) -> None:
    """Sets the group, which must have no member, back to the beginning of what Kafka keeps."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    partitions = client.list_topics(FLOWS_TOPIC, timeout=10).topics[FLOWS_TOPIC].partitions
    places = [TopicPartition(FLOWS_TOPIC, partition, 0) for partition in partitions]
    client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group].result(10)


def read_topic(bootstrap: str, topic: str) -> list[Message]:
    """Every message that the topic holds now."""
    settings: dict[str, Any] = {"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False, "log_level": 0}
    consumer = Consumer(settings)
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}
        consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        left = {p for p, end in ends.items() if end}
        found: list[Message] = []
        while left:
            for message in consumer.consume(500, 1):
                assert message.error() is None, message.error()
                found.append(message)
                if (message.offset() or 0) + 1 >= ends[message.partition()]:
                    left.discard(message.partition())
        return found
    finally:
        consumer.close()
