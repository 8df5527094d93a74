"""Zone and region of the node behind a name, against a look at every instant of the flow."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.node_place import NodePlace
from streams.attribution import places
from streams.attribution.attribute import Attribution
from streams.columns import arrow as to_arrow
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from tests.streams.support import Said, address, ends_at, statements

SKEW = 3
NODES = ("x", "y", "z")
stays = st.builds(
    lambda node, place, start, length: NodePlace(node, *place, start, start + length),
    st.sampled_from(NODES),
    st.sampled_from([("eu", "a"), ("eu", "b"), ("us", "a"), ("eu", "")]),
    st.integers(0, 60),
    st.integers(1, 30),
)
Asked = list[tuple[str, int, int]]
asked = st.lists(
    st.builds(
        lambda node, first, length: (node, first, first + length),
        st.sampled_from([*NODES, "w", ""]),
        st.integers(-10, 90),
        st.integers(0, 9),
    ),
    max_size=20,
)


def a_map(told: list[NodePlace]) -> OwnershipMap:
    known = OwnershipMap(gap_us=10, skew_us=SKEW, window_us=5)
    for one in told:
        known.places.learn(one)
    return known


def named(known: OwnershipMap, nodes: list[str]) -> Attribution:
    """Of which nothing but the node is asked."""
    rows = len(nodes)
    node = np.array([known.names.number(node) if node else NOBODY for node in nodes], np.uint32)
    yes, zero = np.ones(rows, np.bool_), np.zeros(rows, np.uint8)
    return Attribution(node, np.ones(rows, np.uint8), zero, yes, node, ~yes, node)


def found(known: OwnershipMap, flows: Asked) -> list[tuple[str, str, str]]:
    """Node, region and zone of each."""
    first_us, last_us = (np.array([flow[at] for flow in flows], np.int64) for at in (1, 2))
    answer = places.of(known, named(known, [flow[0] for flow in flows]), first_us, last_us)
    columns = [to_arrow.names(column.numbers, column.texts).to_pylist() for column in (answer.node, answer.region, answer.zone)]
    return list(zip(*columns, strict=True))


@settings(deadline=None)
@given(st.lists(stays, max_size=9), asked)
def test_a_place_is_the_one_of_all_of_the_flows_time(told: list[NodePlace], flows: Asked) -> None:
    known = a_map(told)
    for (node, first, last), (found_node, region, zone) in zip(flows, found(known, flows), strict=True):
        assert found_node == node
        starts = [piece.start_us for piece in known.places.timeline(node)] if node else []
        starts[:1] = [start - 2 * SKEW for start in starts[:1]]
        at = {sum(start <= instant for start in starts) - 1 for instant in range(first - SKEW, last + SKEW + 1)}
        held = [known.places.timeline(node)[piece] for piece in at] if -1 not in at and len(at) < 3 else []
        assert region == only({piece.region for piece in held})
        assert zone == only({piece.zone for piece in held})


def only(texts: set[str]) -> str:
    return texts.pop() if len(texts) == 1 else ""


@pytest.mark.parametrize(
    ("first", "last", "place"),
    [
        (100, 110, ("eu", "a")),
        (97, 99, ("eu", "a")),  # clocks
        (96, 99, ("", "")),  # before the node was first heard
        (150, 196, ("eu", "a")),
        (150, 197, ("eu", "")),  # maybe some of it after the move
        (203, 203, ("eu", "b")),
        (202, 300, ("eu", "")),
        (900, 950, ("eu", "b")),
    ],
)
def test_a_node_that_moves(first: int, last: int, place: tuple[str, str]) -> None:
    known = a_map([NodePlace("x", "eu", "a", 100, 200), NodePlace("x", "eu", "b", 200, 210)])
    assert found(known, [("x", first, last)]) == [("x", *place)]


def test_long_texts_are_left_out() -> None:
    """A downstream message has room for 128 bytes of each."""
    fits, long = "ö" * 64, "ö" * 65
    known = a_map([NodePlace("x", fits, long, 0, 100), NodePlace(long, long, fits, 0, 100)])
    assert found(known, [("x", 50, 60), (long, 50, 60)]) == [("x", fits, ""), ("", "", fits)]


def test_from_heartbeats_to_the_zone() -> None:
    from streams.attribution.attribute import attribute

    known = a_map([NodePlace("x", "eu", "a", 0, 100), NodePlace("y", "us", "b", 0, 100)])
    known.learn(statements([Said("A", 0, 100, node="x"), Said("B", 0, 100, address(2), node="y"), Said("C", 0, 100, address(3), node="z")]))
    for ip, wanted in ((1, ("x", "eu", "a")), (2, ("y", "us", "b")), (3, ("z", "", "")), (4, ("", "", ""))):
        ends = ends_at([(20, 30)], address(ip))
        answer = places.of(known, attribute(known, ends), ends.first_us, ends.last_us)
        assert tuple(column.texts[column.numbers[0]] for column in (answer.node, answer.region, answer.zone)) == wanted


def test_ends_on_the_reporting_node_are_where_it_is() -> None:
    known, names = a_map([NodePlace("x", "eu", "a", 0, 100)]), ("", "n1", "r" * 129, "b", "n2")
    there = places.of(known, named(known, ["x", "", "", "x"]), np.full(4, 50), np.full(4, 60))
    own = (np.array(column, np.uint32) for column in ([4, 1, 1, 4], [3, 3, 0, 3], [2, 2, 3, 2]))
    answer = places.with_own(there, np.array([False, True, True, False]), names, *own)
    rows = list(zip(*([column.texts[number] for number in column.numbers] for column in answer), strict=True))
    assert rows == [("x", "a", "eu"), ("n1", "b", ""), ("n1", "", "b"), ("x", "a", "eu")]
    assert places.with_own(there, np.zeros(4, np.bool_), names, *[np.zeros(4, np.uint32)] * 3) is there


def test_no_flows() -> None:
    assert found(a_map([]), []) == []


def test_a_large_block_is_looked_up_in_time() -> None:
    """By nothing that looks at a flow by itself: 100,000 flows to 2,000 nodes, each of which has moved. Ten times what it takes."""
    known = a_map([NodePlace(f"n{node}", "eu", zone, at, at + 100) for node in range(2_000) for zone, at in (("a", 0), ("b", 100))])
    nodes = [f"n{row % 2_000}" for row in range(100_000)]
    attribution, first_us = named(known, nodes), np.arange(100_000) % 200
    begun = time.process_time()
    places.of(known, attribution, first_us, first_us + 1)
    assert time.process_time() - begun < 0.3
