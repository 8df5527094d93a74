"""Rows of the table `nodes`: enough to know each node as it is, and no more than one a minute and change."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import NODES
from streams.blocks.sightings import Sightings
from tests.streams.support import batch

SECOND = 1_000_000
Row = tuple[str, str, str, int, int]


def a_batch(window: int, node: str = "n1", zone: str = "a", version: str = "1", region: str = "eu") -> FlowBatch:
    return replace(batch([], window=window, node=node), zone=zone, region=region, agent_version=version, config_version="c")


def rows(seen: Sightings, *batches: FlowBatch) -> list[Row]:
    """Node, zone, version, first and last second."""
    table = seen.rows(batches, "here")
    assert table.schema == NODES
    found = table.to_pydict()
    first, last = ([round(instant.timestamp()) for instant in found[name]] for name in ("first_seen", "last_seen"))
    return list(zip(found["node_id"], found["zone"], found["agent_version"], first, last, strict=True))


def test_a_row_for_what_is_new_and_one_a_minute() -> None:
    seen = Sightings()
    found = [rows(seen, a_batch(window)) for window in range(14)]
    assert [window for window, some in enumerate(found) if some] == [0, 6, 12]
    assert found[6] == [("n1", "a", "1", 0, 70)]


def test_a_row_for_what_changed() -> None:
    seen = Sightings()
    assert rows(seen, a_batch(0), a_batch(0, "n2"), a_batch(1)) == [("n1", "a", "1", 0, 20), ("n2", "a", "1", 0, 10)]
    assert rows(seen, a_batch(2, zone="b")) == [("n1", "b", "1", 20, 30)]
    assert rows(seen, a_batch(3, zone="b", version="2")) == [("n1", "b", "2", 30, 40)]


def test_what_comes_late_changes_nothing() -> None:
    seen = Sightings()
    rows(seen, a_batch(3, zone="b"))
    assert rows(seen, a_batch(1, zone="a"), a_batch(3, zone="a")) == []
    assert rows(seen, a_batch(0, zone="b")) == []
    assert rows(seen, a_batch(12, zone="b")) == [("n1", "b", "1", 0, 130)]


def test_all_columns() -> None:
    table = Sightings().rows([a_batch(0, region="")], "here")
    assert {name: table[name].to_pylist()[0] for name in NODES.names[:5]} == {
        "node_id": "n1",
        "zone": "a",
        "region": "here",
        "agent_version": "1",
        "config_version": "c",
    }
    assert Sightings().rows([], "here").num_rows == 0


def test_memory_is_bounded() -> None:
    seen = Sightings(max_nodes=3)
    for number in range(9):
        rows(seen, a_batch(number, f"n{number}"))
    assert rows(seen, a_batch(9, "n8")) == []
    assert rows(seen, a_batch(9, "n0")) == [("n0", "a", "1", 90, 100)]


@given(st.integers(0, 2**32).map(random.Random), st.integers(1, 9))
def test_the_rows_say_of_each_node_what_its_newest_batches_did(chance: random.Random, size: int) -> None:
    batches = [a_batch(window, node, chance.choice("aaaaab")) for window in range(30) for node in ("n1", "n2") if chance.random() < 0.9]
    seen, found = Sightings(), list[Row]()
    for first in range(0, len(batches), size):
        found += rows(seen, *batches[first : first + size])
    for node in ("n1", "n2"):
        mine = [one for one in batches if one.node_id == node]
        said = [row for row in found if row[0] == node]
        assert said[-1][1] == mine[-1].zone or mine[-1].window_end_us < said[-1][4] * SECOND
        assert mine[-1].window_end_us - said[-1][4] * SECOND < 60 * SECOND
        assert min(row[3] for row in said) * SECOND == mine[0].window_start_us
        changes = 1 + sum(one.zone != other.zone for one, other in zip(mine, mine[1:], strict=False))
        assert len(said) <= changes + 5
