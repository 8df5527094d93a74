"""The writer of events: everything gets there, before the block that may lean on it, nobody waits, and what fails is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from schemas.errors import Unavailable, WeirError
from schemas.records.cluster import NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from schemas.records.ip_event import IpEvent
from schemas.records.tables import SetTable
from streams import retry
from streams.outputs import ip_event_writer as event_writer
from streams.outputs.event_tables import Event
from streams.outputs.ip_event_writer import IpEventWriter
from tests.streams.support import address
from tests.support.processes import PATIENCE

SECOND = 1_000_000


class FakeSink:
    """Takes events while `answers` is set; `error` is raised instead, if there is one."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.tried = threading.Event()
        self.error: Exception | None = None
        self.written: list[str] = []
        self.sets: list[tuple[SetTable, list[Any]]] = []

    def write_set(self, table: SetTable, rows: pa.Table) -> None:
        self.tried.set()
        if self.error is not None:
            raise self.error
        assert self.answers.wait(10 * PATIENCE)
        self.sets.append((table, rows.to_pylist()))
        self.written += rows.column("workload").to_pylist() if table == "ip_events" else []


@contextmanager
def writing(sink: FakeSink, known: Sequence[IpEvent] = ()) -> Iterator[IpEventWriter]:
    writer = IpEventWriter(sink, lambda: [list(known)])  # type: ignore[arg-type]
    writer.start()
    yield writer
    sink.answers.set()
    writer.close()
    assert not writer.is_alive()


def events(*names: str) -> list[IpEvent]:
    return [IpEvent("default", address(1), name, True, 10) for name in names]


def test_what_was_put_is_there_once_it_settled() -> None:
    sink = FakeSink()
    with writing(sink) as writer:
        writer.settle()
        writer.put(events("a", "b"))
        writer.put([])
        writer.put(events("c"))
        writer.settle()
        assert sink.written == ["a", "b", "c"]


def test_what_watchers_tell_goes_to_tables_of_its_own_the_watermark_last() -> None:
    sink, at = FakeSink(), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    told: list[Event] = [
        WatcherWatermark("default", "w", SECOND, SECOND),
        ServiceAddress("default", address(1), 6, 80, "shop/web", ("a", "b"), SECOND, "w"),
        ServiceAddress("default", address(2), 0, 0, "n1", (), SECOND, "w"),
        WorkloadState("default", "shop/web", "Deployment", "shop", {"b": "1", "a": "2"}, True, SECOND),
        NodeLabels("default", "n1", "eu", "eu-a", {"team": "x"}, SECOND),
        NodeLabels("default", "n2", "eu", "eu-a", {}, SECOND),
    ]
    with writing(sink) as writer:
        writer.put([*told, *events("a")])
        writer.settle()
    tables = dict(sink.sets)
    assert [name for name, _ in sink.sets][-1] == "watcher_watermarks" and len(tables) == len(sink.sets) == 5
    assert tables["watcher_watermarks"] == [{"network": "default", "watcher": "w", "since": at, "until": at}]
    statement = {"network": "default", "since": at, "watcher": "w"}
    assert tables["service_statements"] == [
        {**statement, "ip": address(1), "protocol": "tcp", "port": 80, "service": "shop/web", "workloads": ["a", "b"]},
        {**statement, "ip": address(2), "protocol": "", "port": 0, "service": "n1", "workloads": []},
    ]
    assert [(row["name"], row["labels"]) for row in tables["workload_states"]] == [("shop/web", [("a", "2"), ("b", "1")])]
    assert [(row["node_id"], row["zone"], row["last_seen"]) for row in tables["node_sightings"]] == [("n1", "eu-a", at)]


def test_of_watermarks_one_in_ten_seconds_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_writer, "_WATCHERS", 2)
    sink = FakeSink()
    with writing(sink) as writer:
        for second in range(31):
            writer.put([WatcherWatermark("default", watcher, 0, second * SECOND) for watcher in ("w1", "w2")])
        writer.put([WatcherWatermark("default", watcher, 0, 31 * SECOND) for watcher in ("w3", "w1")])
        writer.settle()
    until = [(row["watcher"], row["until"].second) for _, rows in sink.sets for row in rows]
    assert until == [(watcher, second) for second in (0, 10, 20, 30) for watcher in ("w1", "w2")] + [("w3", 31), ("w1", 31)]


def test_a_block_waits_for_its_events() -> None:
    sink = FakeSink()
    sink.answers.clear()
    with writing(sink) as writer:
        writer.put(events("a"))
        with pytest.raises(Unavailable, match="1 ip events wait"):
            writer.settle(timeout=0.01)
        sink.answers.set()
        writer.settle()
        assert sink.written == ["a"]


def test_an_outage_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_PAUSES_SECONDS", (0.01,))
    sink = FakeSink()
    sink.error = Unavailable("away")
    with writing(sink) as writer:
        writer.put(events("a"))
        assert sink.tried.wait(10 * PATIENCE)
        sink.error = None
        writer.settle()
        assert sink.written == ["a"]


def test_who_is_closed_in_an_outage_ends() -> None:
    sink = FakeSink()
    sink.error = Unavailable("away")
    with writing(sink) as writer:
        writer.put(events("a"))
        assert sink.tried.wait(10 * PATIENCE)


def test_what_waits_is_bounded_and_what_was_let_go_of_is_written_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a ClickHouse that is away: not the reader of events, however many there are."""
    monkeypatch.setattr(event_writer, "_WAITING_LIMIT", 2)
    sink, known = FakeSink(), list[IpEvent]()
    sink.answers.clear()
    with writing(sink, known) as writer:
        for number in range(0, 12, 2):
            said = events(f"e{number}", f"e{number + 1}")
            writer.put(said)
            assert sink.tried.wait(10 * PATIENCE)
            assert len(writer._waiting) <= 2
            known += said
        sink.answers.set()
        writer.settle()
        assert set(sink.written) == {f"e{number}" for number in range(12)}


def test_what_cannot_be_waited_out_ends_the_reader() -> None:
    sink = FakeSink()
    sink.error = WeirError("no such table")
    with writing(sink) as writer:
        writer.put(events("a"))
        for call in (writer.settle, lambda: writer.put([])):
            with pytest.raises(WeirError, match="no such table"):
                call()
