"""What watchers tell, as people see it: services, workloads and nodes by time, whatever was written how often and in whatever order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records.cluster import NODE_PORTS, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from sinks import migrate
from sinks.base import Sink
from sinks.open import open_sink
from streams.outputs.event_tables import Event, tables_of
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.test_contract import seconds
from tests.support.clickhouse import EngineHost

FOREVER = 2**32 - make.NINE // make.SECOND
Row = tuple[Any, ...]
fresh_name = (f"shop/app-{number}" for number in itertools.count())


def at(second: int) -> int:
    """Microseconds of a second after nine."""
    return make.NINE + second * make.SECOND


def tell(sink: Sink, *told: Event) -> None:
    for table, rows in tables_of(told):
        sink.write_set(table, rows)


def behind(since: int, *workloads: str, service: str = "shop/web", watcher: str = "w1", port: int = 80) -> ServiceAddress:
    return ServiceAddress("default", make.address("10.96.0.1"), 6, port, service, workloads, at(since), watcher)


def watched(since: int, until: int, watcher: str = "w1") -> WatcherWatermark:
    return WatcherWatermark("default", watcher, at(since), at(until))


def services(sink: Sink) -> list[Row]:
    """(start, end, service, workloads, watcher, port)."""
    rows = sink.query("SELECT * FROM services ORDER BY port, start, watcher").to_pylist()
    return [(seconds(r["start"]), seconds(r["end"]), r["service"], r["workloads"], r["watcher"], r["port"]) for r in rows]


def test_services_by_time_as_far_as_each_watcher_has_told(sink: Sink) -> None:
    tell(sink, behind(10, "a"), behind(30, "a", "b"), behind(50, "a", "b"), behind(60, service=""), behind(80, "c", service="ops/log"))
    assert services(sink) == []
    tell(sink, watched(5, 100), watched(5, 90), behind(70, "c", service="ops/log", watcher="w2"), watched(70, 120, "w2"))
    tell(sink, behind(10, "a", port=443), ServiceAddress("default", make.address("10.0.0.1"), 0, 0, "n1", (), at(0), "w1"))
    assert services(sink) == [
        (10, 30, "shop/web", ["a"], "w1", 80),
        (30, 60, "shop/web", ["a", "b"], "w1", 80),
        (70, 120, "ops/log", ["c"], "w2", 80),
        (80, 100, "ops/log", ["c"], "w1", 80),
        (10, 100, "shop/web", ["a"], "w1", 443),
    ]
    assert sink.query("SELECT ip, protocol FROM services GROUP BY ALL").to_pylist() == [{"ip": "::ffff:10.96.0.1", "protocol": "tcp"}]


def test_what_is_told_twice_is_there_once(sink: Sink) -> None:
    told = [behind(10, "a"), watched(5, 100), behind(10, "b", port=81), WorkloadState("default", "a", "Job", "", {"x": "1"}, True, at(1))]
    for _ in range(3):
        tell(sink, *told)
    before = services(sink)
    for table, rows in (("service_statements", 2), ("watcher_watermarks", 1), ("workload_states", 1)):
        engine_of(sink).execute(f"OPTIMIZE TABLE weir.{table} FINAL")
        assert sink.query(f"SELECT count() AS n FROM {table}").column("n").to_pylist() == [rows]  # noqa: S608
    assert services(sink) == before and len(before) == 2


def test_node_ports_stand_under_no_address(sink: Sink) -> None:
    tell(sink, ServiceAddress("default", NODE_PORTS, 6, 30_080, "shop/web", ("a",), at(0), "w1"), watched(0, 10))
    assert sink.query("SELECT ip, port FROM services").to_pylist() == [{"ip": "::", "port": 30_080}]


def workloads(sink: Sink, name: str) -> list[Row]:
    """(start, end, labels)."""
    rows = sink.query(f"SELECT * FROM workloads WHERE name = '{name}' ORDER BY start").to_pylist()  # noqa: S608
    return [(seconds(row["start"]), seconds(row["end"]), dict(row["labels"])) for row in rows]


def test_a_row_for_each_version_of_a_workloads_labels(sink: Sink) -> None:
    def state(second: int, exists: bool = True, **labels: str) -> WorkloadState:
        return WorkloadState("default", "shop/web", "Deployment", "shop", labels, exists, at(second))

    tell(sink, state(10, team="a", app="web"), state(20, app="web", team="a"), state(30, team="b"), state(50, exists=False))
    assert workloads(sink, "shop/web") == [(10, 30, {"app": "web", "team": "a"}), (30, 50, {"team": "b"})]
    tell(sink, state(70, team="b"))
    assert workloads(sink, "shop/web")[2:] == [(70, FOREVER, {"team": "b"})]
    names = sink.query("SELECT * FROM workloads LIMIT 1").column_names
    assert names == ["name", "kind", "namespace", "labels", "start", "end", "network"]


STATES = st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.sampled_from(["", "x", "y"])), max_size=8)


@given(STATES, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_workloads_are_shown_alike_in_any_order(chdb_sink: Sink, states: list[tuple[int, bool, str]], chance: random.Random) -> None:
    name = next(fresh_name)
    labels = {label: {"l": label} if label else {} for label in ("", "x", "y")}
    told = [WorkloadState("default", name, "Job", "shop", labels[label], exists, at(second)) for second, exists, label in states]
    again = [*told, *told[:3]]
    chance.shuffle(again)
    for one in again:
        tell(chdb_sink, one)
    assert workloads(chdb_sink, name) == expected(states)


def expected(states: Sequence[tuple[int, bool, str]]) -> list[Row]:
    versions: list[tuple[int, bool, str]] = []
    for second, exists, label in sorted(set(states)):
        if not versions or versions[-1][1:] != (exists, label):
            versions.append((second, exists, label))
    ends = [second for second, _, _ in versions[1:]] + [FOREVER]
    told = zip(versions, ends, strict=False)
    return [(second, end, {"l": label} if label else {}) for (second, exists, label), end in told if exists and second < end]


def nodes(sink: Sink) -> list[Row]:
    """(node, zone, region, labels, version, first, last)."""
    rows = sink.query("SELECT * FROM nodes ORDER BY node_id, zone").to_pylist()
    names = ("node_id", "zone", "region", "labels", "agent_version", "first_seen", "last_seen")
    return [tuple(dict(r[n]) if n == "labels" else seconds(r[n]) if n.endswith("seen") else r[n] for n in names) for r in rows]


def labelled(node: str, second: int, zone: str = "eu-1a", region: str = "eu-1", **labels: str) -> NodeLabels:
    return NodeLabels("default", node, region, zone, labels, at(second))


def test_a_nodes_newest_labels_stand_wherever_its_agent_says_it_is(sink: Sink) -> None:
    sink.write(make.block(make.identity(), node_rows=make.nodes([("n1", "z1", "1.0", 0, 10), ("n1", "z2", "1.1", 20, 30)])))
    tell(sink, labelled("n1", 5, pool="a"), labelled("n1", 25, pool="b"), labelled("n2", 7, pool="c"))
    assert nodes(sink) == [
        ("n1", "z1", "eu", {"pool": "b"}, "1.0", 0, 10),
        ("n1", "z2", "eu", {"pool": "b"}, "1.1", 20, 30),
        ("n2", "eu-1a", "eu-1", {"pool": "c"}, "", 7, 7),
    ]


def test_labels_say_where_a_node_is_whose_agent_does_not_know(sink: Sink) -> None:
    rows = make.nodes([("n1", "", "1.0", 0, 10), ("n1", "eu-1a", "1.1", 20, 30)])
    sink.write(make.block(make.identity(), node_rows=rows))
    assert [row[:2] for row in nodes(sink)] == [("n1", ""), ("n1", "eu-1a")]
    tell(sink, labelled("n1", 5, pool="a"))
    assert nodes(sink) == [("n1", "eu-1a", "eu", {"pool": "a"}, "1.1", 0, 30)]


@pytest.mark.parametrize("step", ["0022"])
def test_tables_of_before_are_upgraded_with_their_rows(host: EngineHost, step: str) -> None:
    host.drop_database()
    with closing(open_sink(host.url)) as sink:
        engine = engine_of(sink)
        migrate.migrate(engine, tuple(m for m in migrate.known() if m.name < step))
        head = "INSERT INTO weir.node_sightings (node_id, zone, region, agent_version, first_seen, last_seen) VALUES"
        engine.execute(f"{head} ('n1', '', 'eu', '0.9', {make.NINE // make.SECOND}, {make.NINE // make.SECOND + 10})")
        before = nodes(sink)
        assert sink.migrate()[0] == "0022_cluster"
        assert nodes(sink) == before == [("n1", "", "eu", {}, "0.9", 0, 10)]
        tell(sink, labelled("n1", 5, pool="a"), behind(1, "a"), watched(0, 9))
        assert nodes(sink)[0][1:4] == ("eu-1a", "eu", {"pool": "a"})
        assert len(services(sink)) == 1
