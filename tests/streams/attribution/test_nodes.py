"""The node behind a name, against every instant of all heartbeats looked at by itself."""

from __future__ import annotations

import random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.ip_event import IpEvent
from streams.attribution.attribute import attribute
from streams.attribution.cidr_labels import CidrLabels
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_changelog
from tests.streams.support import Said, address, ends_at, nodes_behind, retold, statements, who, whos

GAP, SKEW, WINDOW = 10, 3, 5
REACH = 2 * SKEW
spans = st.tuples(st.integers(0, 60), st.integers(1, 20))
said = st.builds(
    lambda owner, span, node, ip: Said(owner, span[0], sum(span), address(ip), node=node),
    st.sampled_from("AAB"),
    spans,
    st.sampled_from("xyz"),
    st.integers(1, 2),
)
windowed = st.builds(
    lambda start, node: Said("A", start, start + WINDOW, node=node), st.integers(0, 12).map(WINDOW.__mul__), st.sampled_from("xxy")
)
known_of = st.lists(said, max_size=8) | st.lists(windowed, max_size=8)
asked = st.lists(st.builds(lambda first, length: (first, first + length), st.integers(-5, 90), st.integers(0, 12)), min_size=1, max_size=8)


def a_map() -> OwnershipMap:
    return OwnershipMap(gap_us=GAP, skew_us=SKEW, window_us=WINDOW, event_limit_us=4)


def nodes_near(known: list[Said], owner: str, first: int, last: int, by: int) -> set[str]:
    """Nodes that say at any instant within reach that the owner held the address."""
    return {one.node for one in known if one.workload == owner and one.start_us <= last + by and one.end_us > first - by}


@settings(deadline=None)
@given(known_of, asked)
def test_a_node_is_given_where_no_other_speaks_of_the_owner_near_by(known: list[Said], flows: list[tuple[int, int]]) -> None:
    """A node that is given spoke of the owner within reach, or a silence before and behind; and no other did within reach. Where one node
    alone ever spoke of the address, each name has it.
    """
    learned = a_map()
    learned.learn(statements(known))
    for ip in (address(1), address(2)):
        told = [one for one in known if one.ip == ip]
        for span, owner, node in zip(flows, whos(learned, flows, ip), nodes_behind(learned, flows, ip), strict=True):
            near = nodes_near(told, owner, *span, REACH)
            if owner[0] == "(" or len(near) > 1:
                assert node == ""
            elif len({one.node for one in told}) == 1:
                assert node == told[0].node
            elif node:
                assert near <= {node}
                assert node in nodes_near(told, owner, *span, GAP)
            else:  # other nodes spoke of the same owner before or behind, without a break
                assert len(nodes_near(told, owner, *span, 1_000)) > 1


@settings(deadline=None)
@given(known_of, asked, st.integers(0, 2**32).map(random.Random))
def test_order_and_repetition_make_no_difference(known: list[Said], flows: list[tuple[int, int]], chance: random.Random) -> None:
    learned, other = a_map(), a_map()
    learned.learn(statements(known))
    again = known + chance.sample(known, len(known) // 2)
    chance.shuffle(again)
    while again:
        size = chance.randint(1, 4)
        other.learn(statements(again[:size]))
        again = again[size:]
    for ip in (address(1), address(2)):
        assert nodes_behind(other, flows, ip) == nodes_behind(learned, flows, ip)


@settings(deadline=None)
@given(known_of, asked, st.integers(-5, 90))
def test_what_is_forgotten_makes_no_other_node(known: list[Said], flows: list[tuple[int, int]], before: int) -> None:
    learned, told = a_map(), a_map()
    learned.learn(statements(known))
    told.learn(from_changelog(retold(learned.evidence.ranges_of(np.arange(learned.evidence.addresses.count)))))
    wanted = [nodes_behind(learned, flows, address(ip)) for ip in (1, 2)]
    assert [nodes_behind(told, flows, address(ip)) for ip in (1, 2)] == wanted
    late = [flow for flow in flows if flow[0] - REACH > before]
    wanted = [nodes_behind(learned, late, address(ip)) for ip in (1, 2)]
    learned.forget(before)
    for held in (learned, learned.rebuilt()):
        for ip, row in zip((1, 2), wanted, strict=True):
            found = zip(nodes_behind(held, late, address(ip)), row, whos(held, late, address(ip)), strict=True)
            assert all(now == then or then == "" or name[0] == "(" for now, then, name in found)


@pytest.mark.parametrize(
    ("span", "node"),
    [((20, 30), "x"), ((92, 94), ""), ((101, 102), ""), ((103, 130), ""), ((106, 130), "y"), ((120, 130), "y")],
)
def test_an_address_that_moves_with_its_owner(span: tuple[int, int], node: str) -> None:
    """The owner's name is beyond doubt all the time; its node is not, where both nodes are within reach."""
    known = a_map()
    known.learn(statements([Said("A", 0, 98, node="x"), Said("A", 98, 200, node="y")]))
    assert who(known, *span) == "A"
    assert nodes_behind(known, [span]) == [node]


def test_a_node_that_goes_on_beyond_another_one() -> None:
    """Both said it for a time; then one went on: its last range is prolonged by each heartbeat, and the node of the time before stays."""
    known = a_map()
    known.learn(statements([Said("A", 0, 100, node="x"), Said("B", 10, 80, node="z"), Said("A", 50, 60, node="y")]))
    assert nodes_behind(known, [(88, 90)]) == ["x"]
    for end in range(65, 200, 5):
        known.learn(statements([Said("A", end - 5, end, node="y")]))
    assert nodes_behind(known, [(88, 90), (120, 150)]) == ["", "y"]


def test_a_silence_between_heartbeats_of_one_node() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 20, node="x"), Said("A", 30, 50, node="x"), Said("A", 60, 80, node="y")]))
    assert nodes_behind(known, [(24, 26), (40, 40), (55, 55), (70, 70)]) == ["x", "x", "", "y"]


def test_a_listener_is_on_the_node_that_tells_of_it() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 100, port=80, node="x"), Said("node/x", 0, 100, node="x")]))
    assert nodes_behind(known, [(20, 30)], port=80) == ["x"]
    assert nodes_behind(known, [(20, 30)], port=81) == ["x"]
    known.learn(statements([Said("A", 0, 100, address(2), port=80, node="x"), Said("node/y", 0, 100, address(2), node="y")]))
    assert who(known, 20, 30, address(2), port=80) == "A"
    assert nodes_behind(known, [(20, 30)], address(2), port=80) == [""], "the whole address is another node's"


def test_names_of_events_and_labels_have_no_node() -> None:
    from ipaddress import ip_network

    known = a_map()
    known.learn(statements([Said("A", 0, 100)]))
    known.learn_events([IpEvent("default", address(2), "lb", True, 0)])
    assert (who(known, 20, 30, address(2)), nodes_behind(known, [(20, 30)], address(2))) == ("lb", [""])
    labels = CidrLabels([(ip_network("10.0.0.3/32"), "office")])
    ends = ends_at([(20, 30)], address(3))
    named = labels.name(known, ends.ip, attribute(known, ends))
    assert (known.names.texts[named.owner[0]], named.node[0]) == ("office", NOBODY)


def test_one_look_is_enough_where_an_address_stays_on_its_node() -> None:
    """What costs more is done for addresses that move between nodes with their owners alone."""
    known = a_map()
    known.learn(statements([Said("A", 0, 100, node="x"), Said("B", 110, 200, node="y")]))
    with patch.object(OwnershipMap, "node_of", side_effect=AssertionError):
        assert nodes_behind(known, [(20, 30), (140, 150)]) == ["x", "y"]
