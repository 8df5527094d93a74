"""What `ownership` shows of addresses that events speak for: the same ranges that workers name flows by, however the events came."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.instants import FOREVER_US
from sinks import migrate
from sinks.base import Sink
from sinks.open import open_sink
from streams.ownership.ip_events import Event, Sign, ranges_of_events
from streams.ownership.map import OwnershipMap
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.test_contract import fresh_offset, seconds, union
from tests.support.clickhouse import EngineHost
from tests.support.processes import ROOT

LIMIT_SECONDS = OwnershipMap(gap_us=0, skew_us=0).event_limit_us // make.SECOND
"""The workers': the view has it in its text."""

NEVER = 2**32 - make.NINE // make.SECOND
Told = tuple[int, str, str]
"""Seconds after nine, "+" or "-", workload."""

EVENTS = st.lists(
    st.tuples(st.integers(0, 30), st.just("+"), st.sampled_from("ABC"))
    | st.tuples(st.integers(0, 200), st.sampled_from("+-"), st.sampled_from("ABC"))
    | st.tuples(st.integers(0, 200), st.just("-"), st.just("")),
    max_size=9,
)
BEATS = st.lists(st.tuples(st.sampled_from("AD"), st.sampled_from(["n1", "n2"]), st.integers(0, 200), st.integers(1, 90)), max_size=4)
fresh_address = (f"10.1.{number >> 8}.{number & 255}" for number in itertools.count())


def tell(sink: Sink, ip: str, events: list[Told]) -> None:
    sink.write_set("ip_events", make.ip_events([(ip, *event) for event in events]))


def shown(sink: Sink, ip: str, source: str = "ip_event") -> list[tuple[int, int, str]]:
    """(start, end, workload), in seconds after nine."""
    rows = sink.query(
        "SELECT workload, start, `end` FROM ownership"  # noqa: S608
        f" WHERE ip = toIPv6('{ip}') AND source = '{source}'"
    ).to_pylist()
    return sorted((seconds(row["start"]), seconds(row["end"]), row["workload"]) for row in rows)


def expected(events: list[Told], beats: list[tuple[str, str, int, int]]) -> list[tuple[int, int, str]]:
    """By the workers' own rules."""
    names = sorted({name for _, _, name in events if name} | {beat[0] for beat in beats})
    number = {name: at for at, name in enumerate(names)}
    known = {Event(at, kind == "+", number.get(name)) for at, kind, name in events}
    signs = [
        Sign(start, end, number[owner])
        for owner, node in {beat[:2] for beat in beats}
        for start, end in union([beat[2:] for beat in beats if beat[:2] == (owner, node)])
    ]
    held = ranges_of_events(known, signs, LIMIT_SECONDS)
    return sorted((start, NEVER if end >= FOREVER_US else end, names[owner]) for start, end, owner in held)


@given(EVENTS, BEATS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_are_the_workers_in_any_order_and_twice(
    chdb_sink: Sink, events: list[Told], beats: list[tuple[str, str, int, int]], chance: random.Random
) -> None:
    ip = next(fresh_address)
    again = events + chance.sample(events, len(events) // 2)
    chance.shuffle(again)
    for first in range(0, len(again), 3):
        tell(chdb_sink, ip, again[first : first + 3])
    for owner, node, start, length in beats:
        rows = make.ownership([(ip, owner, start, start + length)], node=node)
        chdb_sink.write(make.block(make.identity(next(fresh_offset)), None, None, rows))
    assert shown(chdb_sink, ip) == expected(events, beats)


def test_an_event_that_comes_later_corrects_what_was_shown(sink: Sink) -> None:
    tell(sink, "10.9.0.1", [(10, "+", "lb")])
    assert shown(sink, "10.9.0.1") == [(10, NEVER, "lb")]
    tell(sink, "10.9.0.1", [(90, "+", "gateway")])
    assert shown(sink, "10.9.0.1") == [(10, 90, "lb"), (90, NEVER, "gateway")]
    tell(sink, "10.9.0.1", [(50, "-", "lb"), (70, "-", "")])
    assert shown(sink, "10.9.0.1") == [(10, 50, "lb"), (90, NEVER, "gateway")]


def test_merging_keeps_each_event_once(sink: Sink) -> None:
    for _ in range(3):
        tell(sink, "10.9.0.1", [(10, "+", "lb"), (10, "-", ""), (50, "-", "lb")])
    before = shown(sink, "10.9.0.1")
    engine_of(sink).execute("OPTIMIZE TABLE weir.ip_events FINAL")
    assert shown(sink, "10.9.0.1") == before == [(10, 50, "lb")]
    assert sink.query("SELECT count() AS n FROM ip_events").column("n").to_pylist() == [3]


def test_heartbeats_stand_beside_events(sink: Sink) -> None:
    tell(sink, "10.0.0.1", [(10, "+", "lb")])
    sink.write(make.block(make.identity(), None, None, make.ownership([("10.0.0.1", "pod", 100, 140)])))
    assert (shown(sink, "10.0.0.1"), shown(sink, "10.0.0.1", "heartbeat")) == ([(10, 100, "lb")], [(100, 140, "pod")])


def test_addresses_and_networks_are_kept_apart(sink: Sink) -> None:
    tell(sink, "10.9.0.1", [(10, "+", "lb")])
    tell(sink, "fd00::9", [(20, "+", "other")])
    assert shown(sink, "10.9.0.1") == [(10, NEVER, "lb")]
    assert shown(sink, "fd00::9") == [(20, NEVER, "other")]


@pytest.mark.parametrize("events", [[], [(10, "-", "lb")], [(10, "-", "")], [(10, "+", "")]])
def test_events_that_assign_nothing_show_nothing(sink: Sink, events: list[Told]) -> None:
    tell(sink, "10.9.0.1", events)
    assert sink.query("SELECT count() AS n FROM ownership").column("n").to_pylist() == [0]


def test_each_range_says_since_when_and_from_which_node_it_is_known(sink: Sink) -> None:
    tell(sink, "10.9.0.1", [(10, "+", "lb")])
    sink.write(make.block(make.identity(0), None, None, make.ownership([("10.0.0.1", "pod", 0, 10)], node="n1")))
    sink.write(make.block(make.identity(10), None, None, make.ownership([("10.0.0.1", "pod", 10, 20)], node="n1")))
    sink.write(make.block(make.identity(20), None, None, make.ownership([("10.0.0.1", "pod", 5, 15)], node="n2")))
    engine_of(sink).execute("OPTIMIZE TABLE weir.ownership_ranges FINAL")
    rows = sink.query(
        "SELECT node_id, start, `end`, source, abs(learned_at - now()) < 60 AS fresh FROM ownership ORDER BY source, node_id"
    ).to_pylist()
    assert [(row["node_id"], seconds(row["start"]), row["source"], row["fresh"]) for row in rows] == [
        ("n1", 0, "heartbeat", 1),
        ("n2", 5, "heartbeat", 1),
        ("", 10, "ip_event", 1),
    ]
    assert [seconds(row["end"]) for row in rows[:2]] == [20, 15]


def test_who_had_it_then(sink: Sink) -> None:
    """The question as docs/formats.md puts it."""
    sink.write(make.block(make.identity(), None, None, make.ownership([("10.2.3.4", "a", 0, 600), ("10.2.3.4", "b", 600, 1200)])))
    (question,) = re.findall(r'weir query "(SELECT [^"]* FROM weir.ownership[^"]*)"', (ROOT / "docs/formats.md").read_text())
    assert sink.query(question).column("workload").to_pylist() == ["b"]


def test_ranges_from_before_are_of_no_known_node(host: EngineHost) -> None:
    host.drop_database()
    sink = open_sink(host.url)
    engine = engine_of(sink)
    migrate.migrate(engine, tuple(m for m in migrate.known() if m.name < "0005"))
    columns = "network, ip, port, protocol, workload, source, start, `end`, written_at"
    row = "('default', '::ffff:10.0.0.1', 0, '', 'old', 'heartbeat', 1767258000, 1767258010, 1767258020)"
    engine.execute(f"INSERT INTO weir.ownership_ranges ({columns}) VALUES {row}")  # noqa: S608
    assert "0005_ip_events" in sink.migrate()
    sink.write(make.block(make.identity(), None, None, make.ownership([("10.0.0.1", "old", 0, 10)], node="n1")))
    engine.execute("OPTIMIZE TABLE weir.ownership_ranges FINAL")
    sql = "SELECT workload, node_id, start, `end`, learned_at = toDateTime(1767258020) AS then FROM ownership ORDER BY node_id"
    told = [
        (row["workload"], row["node_id"], seconds(row["start"]), seconds(row["end"]), row["then"]) for row in sink.query(sql).to_pylist()
    ]
    assert told == [("old", "", 0, 10, 1), ("old", "n1", 0, 10, 0)]
    sink.close()
