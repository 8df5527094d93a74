"""Nodes as blocks tell of them: one row a node and place, whatever is said how often and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.base import Sink
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of

NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
Sighting = tuple[str, str, str, int, int]
SIGHTINGS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["", "z1", "z2"]), st.sampled_from("12"), st.integers(0, 900), st.just(10))
)
FRESH = count()


def shown(sink: Sink) -> list[dict[str, Any]]:
    return sink.query("SELECT * FROM nodes ORDER BY node_id, zone").to_pylist()


def test_one_row_a_node_and_place(sink: Sink) -> None:
    told = [("n1", "z1", "1.0", 0, 10), ("n1", "z1", "1.1", 10, 20), ("n1", "z2", "1.1", 30, 40), ("n1", "z1", "1.0", 5, 15)]
    for number, one in enumerate(told * 2):
        sink.write(make.block(make.identity(10 * number), node_rows=make.nodes([one])))
    first, second = shown(sink)
    assert (first["zone"], first["region"], first["agent_version"], first["labels"]) == ("z1", "eu", "1.1", [])
    assert (first["first_seen"], first["last_seen"]) == (NINE, NINE + timedelta(seconds=20))
    assert (second["zone"], second["first_seen"]) == ("z2", NINE + timedelta(seconds=30))


def test_labels_are_those_that_were_told_last(sink: Sink) -> None:
    head = "INSERT INTO weir.node_sightings (node_id, zone, labels, first_seen, last_seen) VALUES"
    for labels, second in (("map('a', '1')", 10), ("map('a', '2', 'b', '3')", 20), ("map()", 30)):
        engine_of(sink).execute(f"{head} ('n1', 'z1', {labels}, {second}, {second})")
    (row,) = shown(sink)
    assert dict(row["labels"]) == {"a": "2", "b": "3"}


@given(SIGHTINGS, st.randoms())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_and_repeats_do_not_matter(chdb_sink: Sink, told: list[Sighting], chance: Any) -> None:
    told = [(node, zone, version, first, first + length) for node, zone, version, first, length in told]
    found = []
    for _ in range(2):
        engine_of(chdb_sink).execute("TRUNCATE TABLE weir.node_sightings")
        chance.shuffle(told)
        for one in (*told, *told[:3]):
            chdb_sink.write(make.block(make.identity(10 * next(FRESH)), node_rows=make.nodes([one])))
        found.append([{**row, "agent_version": None} if _tied(told, row) else row for row in shown(chdb_sink)])
    assert found[0] == found[1]
    assert {(row["node_id"], row["zone"]) for row in found[0]} == {(node, zone) for node, zone, *_ in told}


def _tied(told: list[Sighting], row: dict[str, Any]) -> bool:
    """Two versions were seen last at the same instant: either is the last."""
    mine = [(last, version) for node, zone, version, _, last in told if (node, zone) == (row["node_id"], row["zone"])]
    return len({version for last, version in mine if last == max(mine)[0]}) > 1
