"""Look-ups against the slow, obvious answer, and the cases that a person would ask about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.ownership.map import OwnershipMap
from tests.streams.support import Said, address, oracle, statements, who, whos

GAP, SKEW, WINDOW = 10, 3, 5

spans = st.tuples(st.integers(0, 60), st.integers(1, 20))
said = st.builds(lambda owner, span, node: Said(owner, span[0], sum(span), node=node), st.sampled_from("ABC"), spans, st.sampled_from("xy"))
windowed = st.builds(lambda owner, start: Said(owner, start, start + WINDOW), st.sampled_from("AB"), st.integers(0, 12).map(WINDOW.__mul__))
asked = st.builds(lambda first, length: (first, first + length), st.integers(-10, 90), st.integers(0, 12))


def a_map(margin: int = -SKEW) -> OwnershipMap:
    return OwnershipMap(gap_us=GAP, skew_us=SKEW, margin_us=margin, window_us=WINDOW, event_limit_us=4)


@given(
    st.lists(said, max_size=8) | st.lists(windowed, max_size=8), st.lists(asked, min_size=1, max_size=8), st.sampled_from([-SKEW, 0, SKEW])
)
@example([Said("A", 0, 10), Said("A", 15, 20)], [(11, 12)], -SKEW)
@example([Said("A", 0, 7), Said("A", 9, 20)], [(8, 8)], -SKEW)
@example([Said("A", 0, 10), Said("B", 12, 14), Said("A", 15, 20)], [(11, 11)], -SKEW)
def test_every_answer_is_the_oracles(known: list[Said], flows: list[tuple[int, int]], margin: int) -> None:
    learned = a_map(margin)
    learned.learn(statements(known))
    expected = [oracle(known, first, last, gap=GAP, skew=SKEW, margin=margin, window=WINDOW) for first, last in flows]
    assert whos(learned, flows) == expected


@given(st.lists(spans, min_size=1, max_size=4), asked, st.integers(1, 3))
def test_a_range_reaches_a_flow_that_any_of_its_instants_is_as_near_to(
    held: list[tuple[int, int]], flow: tuple[int, int], times: int
) -> None:
    """Half open: the range's end is not of it; the flow's last instant is."""
    start_us, end_us = np.array([(start, start + length) for start, length in held], np.int64).T
    first_us, last_us = (np.full(len(held), instant, np.int64) for instant in flow)
    by = times * SKEW
    near = [any(flow[0] - by <= at <= flow[1] + by for at in range(start, start + length)) for start, length in held]
    assert a_map().tolerance.reaches(start_us, end_us, first_us, last_us, times).tolist() == near


@pytest.mark.parametrize(
    ("first", "last", "answer"),
    [
        (20, 30, "A"),
        (30, 20, "A"),  # the instants may come the wrong way round
        (98, 101, "A"),  # just outside, by the clocks
        (104, 105, "(gap)"),
        (196, 200, "(gap)"),
        (198, 199, "B"),
        (298, 298, "(ambiguous)"),  # a neighbour within the skew
        (290, 302, "(ambiguous)"),
        (302, 302, "(ambiguous)"),
        (305, 305, "(ambiguous)"),  # and one within twice as much
        (306, 310, "C"),
        (-(2**63), 2**63 - 1, "(ambiguous)"),
    ],
)
def test_the_flows_own_time_decides(first: int, last: int, answer: str) -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 100), Said("B", 200, 300), Said("C", 300, 400)]))
    assert who(known, first, last) == answer


def test_a_name_that_would_be_a_guess_is_no_name() -> None:
    known = a_map(margin=SKEW)
    known.learn(statements([Said("A", 0, 100), Said("B", -50, 150, address(2))]))
    assert whos(known, [(3, 96), (2, 50), (50, 97)]) == ["A", "(gap)", "(gap)"]


def test_where_all_knowledge_begins_and_ends_nobody_is_missed() -> None:
    known = a_map(margin=SKEW)
    known.learn(statements([Said("A", 0, 100), Said("B", 2, 98, address(2))]))
    assert whos(known, [(0, 99), (-2, 102), (-3, 50), (50, 103)]) == ["A", "A", "A", "(gap)"]
    assert whos(known, [(0, 99)], address(2)) == ["B"]


def test_a_whole_window_needs_an_owner_of_the_whole_window() -> None:
    """Instants on the borders were not measured: they say "some time in this window"."""
    known = a_map(margin=SKEW)
    known.learn(statements([Said("A", 40, 60), Said("B", 0, 100, address(2)), Said("C", 42, 58, address(3))]))
    assert whos(known, [(40, 45), (40, 60), (55, 60), (55, 59), (41, 60)]) == ["A", "A", "A", "(gap)", "(gap)"]
    assert whos(known, [(40, 45), (55, 60)], address(3)) == ["(gap)", "(gap)"]


@given(st.lists(st.builds(replace, said, seen=st.booleans()), max_size=8), st.lists(asked, min_size=1, max_size=8))
@example([Said("A", 0, 10), Said("A", 15, 20), Said("C", 12, 13, node="n2", seen=True)], [(12, 12)])
@example([Said("A", 7, 10), Said("A", 15, 18), Said("A", 12, 13, seen=True)], [(12, 12)])
@example([Said("A", 7, 10), Said("A", 15, 18), Said("A", 12, 13, node="n2", seen=True)], [(12, 12)])
def test_flows_of_others_are_no_names_but_end_a_silence(known: list[Said], flows: list[tuple[int, int]]) -> None:
    learned = a_map()
    learned.learn(statements(known))
    expected = [oracle(known, first, last, gap=GAP, skew=SKEW, margin=-SKEW, window=WINDOW) for first, last in flows]
    assert whos(learned, flows) == expected


def test_processes_that_share_an_address_do_not_end_its_silence() -> None:
    known = a_map()
    beats = [Said("node/n1", 0, 10), Said("node/n1", 20, 30), Said("node/n1", 40, 45)]
    known.learn(statements([*beats, Said("web", 13, 16, seen=True)]))
    assert who(known, 14, 16) == "node/n1"
    known.learn(statements([Said("web", 13, 16, node="n2", seen=True)]))
    assert who(known, 14, 16) == "(gap)"


def test_an_owner_on_another_node_was_away_in_between() -> None:
    known = OwnershipMap(gap_us=20, skew_us=1, window_us=WINDOW)
    known.learn(statements([Said("A", 0, 10, node="n1"), Said("A", 20, 30, node="n2")]))
    assert who(known, 15, 15) == "(gap)"
    known.learn(statements([Said("A", 20, 30, node="n1")]))
    assert who(known, 15, 15) == "A"


def test_a_listener_that_was_not_heard_is_not_taken_for_absent() -> None:
    known = a_map(margin=SKEW)
    known.learn(statements([Said("node/n1", 0, 10), Said("node/n1", 15, 30), Said("web", 8, 10, port=80)]))
    assert whos(known, [(12, 13)]) == ["node/n1"]
    assert whos(known, [(14, 14), (22, 22), (1, 1)], port=80) == ["(gap)", "node/n1", "node/n1"]


def test_a_workload_that_said_it_left_is_not_there_until_it_says_so_again() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 12), Said("A", 20, 30), Said("A", 35, 40)]))
    assert whos(known, [(15, 16), (32, 33)]) == ["(gap)", "A"]


def test_a_silence_is_the_owners_up_to_the_gap_limit() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 5), Said("A", 15, 20), Said("A", 35, 40)]))
    assert whos(known, [(9, 10), (27, 27)]) == ["A", "(gap)"]


class TestSharedAddresses:
    def known(self) -> OwnershipMap:
        known = a_map()
        known.learn(statements([Said("node/n1", 0, 100), Said("web", 0, 100, port=80), Said("db", 50, 100, port=5432)]))
        return known

    def test_the_listener_goes_before_the_node(self) -> None:
        assert who(self.known(), 60, 70, port=80) == "web"
        assert who(self.known(), 60, 70, port=5432) == "db"

    def test_a_port_that_nobody_claims_then_is_the_nodes(self) -> None:
        assert who(self.known(), 60, 70, port=81) == "node/n1"
        assert who(self.known(), 10, 20, port=5432) == "node/n1"

    def test_a_client_behind_it_is_the_node(self) -> None:
        assert who(self.known(), 60, 70) == "node/n1"

    def test_a_listener_that_came_during_the_flow_leaves_a_gap(self) -> None:
        assert who(self.known(), 40, 60, port=5432) == "(gap)"

    def test_a_listener_is_not_believed_where_a_stranger_had_the_address(self) -> None:
        known = self.known()
        known.learn(statements([Said("pod", 40, 45, node="n2")]))
        assert who(known, 41, 42, port=80) == "(ambiguous)"

    def test_a_port_alone_does_not_name_the_client(self) -> None:
        known = a_map()
        known.learn(statements([Said("web", 0, 100, port=80)]))
        assert (who(known, 10, 20), who(known, 10, 20, port=80)) == ("(shared)", "web")

    def test_protocols_are_apart(self) -> None:
        known = self.known()
        known.learn(statements([Said("dns", 0, 100, port=53, protocol=17)]))
        assert who(known, 60, 70, port=53) == "node/n1"


def test_loopback_is_shared_whatever_is_said_of_it() -> None:
    known = a_map()
    for ip in (bytes(10) + b"\xff\xff\x7f\x00\x00\x05", bytes(15) + b"\x01"):
        known.learn(statements([Said("A", 0, 100, ip=ip)]))
        assert who(known, 10, 20, ip=ip) == "(shared)"


def test_networks_and_address_families_are_apart() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 100), Said("B", 0, 100, network="other"), Said("C", 0, 100, ip=address(1, v6=True))]))
    assert who(known, 10, 20) == "A"
    assert who(known, 10, 20, network="other") == "B"
    assert who(known, 10, 20, ip=address(1, v6=True)) == "C"
    assert who(known, 10, 20, network="third") == "(unknown)"


def test_an_empty_block_asks_nothing() -> None:
    assert whos(a_map(), []) == []
