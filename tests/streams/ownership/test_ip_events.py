"""Assigned and unassigned events: out of order, repeated, with lost ends; heartbeats go before them."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import FOREVER_US
from schemas.records.ip_event import IpEvent
from streams.ownership.ip_events import Event, Sign, ranges_of_events
from streams.ownership.map import OwnershipMap
from tests.streams.support import Said, address, statements, who, whos


def event(at: int, kind: str, workload: str, ip: int = 1) -> IpEvent:
    return IpEvent("default", address(ip), workload, kind == "+", at)


def a_map(skew: int = 0, limit: int = 0) -> OwnershipMap:
    return OwnershipMap(gap_us=20, skew_us=skew, margin_us=-skew, window_us=10, event_limit_us=limit)


events = st.builds(event, st.integers(0, 30), st.sampled_from("++-"), st.sampled_from("ABC"))


def obvious(known: list[IpEvent], at: int) -> str:
    """Who was assigned last and has not left since."""
    if not any(one.assigned for one in known):
        return "(unknown)"
    past = [one.at_us for one in known if one.assigned and one.at_us <= at]
    latest = max(past, default=None)
    owners = {one.workload for one in known if one.assigned and one.at_us == latest}
    owners -= {one.workload for one in known if latest is not None and not one.assigned and latest < one.at_us <= at}
    return "(ambiguous)" if len(owners) > 1 else next(iter(owners), "(gap)")


@given(st.lists(events, max_size=10), st.randoms(use_true_random=False))
def test_the_last_one_assigned_has_it(known: list[IpEvent], chance: random.Random) -> None:
    learned = a_map()
    again = known + chance.sample(known, len(known) // 2)
    chance.shuffle(again)
    for one in again:
        learned.learn_events([one])
    spans = [(at, at) for at in range(40)]
    assert whos(learned, spans) == [obvious(known, at) for at in range(40)]


@given(st.lists(st.tuples(events, st.integers(1, 4)), max_size=12))
def test_forgetting_keeps_every_address_its_own_events(told: list[tuple[IpEvent, int]]) -> None:
    learned, spans = a_map(), [(at, at) for at in range(40)]
    learned.learn_events([replace(one, ip=address(ip)) for one, ip in told])
    before = [whos(learned, spans, address(ip)) for ip in (1, 2, 3, 4)]
    learned.forget(-1)
    assert [whos(learned, spans, address(ip)) for ip in (1, 2, 3, 4)] == before


def test_an_end_that_was_lost_comes_with_the_next_owner() -> None:
    assert ranges_of_events([Event(10, True, 1), Event(30, True, 2)], [], 5) == [(10, 30, 1), (30, FOREVER_US, 2)]


def test_a_late_end_is_trusted_for_the_limit_only() -> None:
    def known(end: int) -> list[Event]:
        return [Event(10, True, 1), Event(30, True, 2), Event(end, False, 1)]

    assert ranges_of_events(known(33), [], 5)[0] == (10, 33, 1)
    assert ranges_of_events(known(90), [], 5)[0] == (10, 35, 1)


def test_an_end_without_a_name_ends_whatever_there_is() -> None:
    assert ranges_of_events([Event(10, True, 1), Event(30, False, None)], [], 5) == [(10, 30, 1)]


def test_a_heartbeat_of_somebody_else_ends_an_open_assignment() -> None:
    assert ranges_of_events([Event(10, True, 1)], [Sign(30, 40, 2)], 5) == [(10, 30, 1)]
    assert ranges_of_events([Event(10, True, 1)], [Sign(0, 12, 2)], 5) == [(10, FOREVER_US, 1)]
    assert ranges_of_events([Event(10, True, 1)], [Sign(0, 40, 2)], 5) == [(10, 35, 1)]


class TestBesideHeartbeats:
    def test_they_fill_what_heartbeats_leave_open(self) -> None:
        known = a_map(limit=50)
        known.learn(statements([Said("pod", 100, 140)]))
        known.learn_events([event(10, "+", "lb"), event(60, "-", "lb"), event(120, "+", "other")])
        assert whos(known, [(20, 30), (70, 80), (110, 135), (130, 150)]) == ["lb", "(gap)", "pod", "(ambiguous)"]

    def test_the_order_of_the_two_makes_no_difference(self) -> None:
        said = [Said("pod", 100, 140), Said("pod", 150, 160)]
        told = [event(10, "+", "lb"), event(143, "+", "new"), event(180, "+", "late")]
        first, last = a_map(), a_map()
        first.learn(statements(said))
        first.learn_events(told)
        last.learn_events(told[::-1])
        last.learn(statements(said))
        spans = [(at, at) for at in range(0, 220, 3)]
        assert whos(first, spans) == whos(last, spans)

    def test_an_assignment_stops_a_silence_from_being_the_old_owners(self) -> None:
        known = a_map()
        known.learn(statements([Said("pod", 0, 10), Said("pod", 20, 30)]))
        assert who(known, 15, 16) == "pod"
        known.learn_events([event(14, "+", "lb")])
        assert whos(known, [(12, 13), (15, 16)]) == ["(gap)", "lb"]

    def test_two_names_in_reach_of_the_clocks_are_none(self) -> None:
        known = a_map(skew=3)
        known.learn(statements([Said("pod", 10, 20)]))
        known.learn_events([event(0, "+", "lb"), event(9, "-", "lb")])
        assert whos(known, [(1, 3), (2, 4), (5, 8), (16, 17)]) == ["lb", "(ambiguous)", "(ambiguous)", "pod"]


def test_forgetting_does_not_revive_what_a_heartbeat_ended() -> None:
    known = a_map()
    known.learn_events([event(10, "+", "lb"), event(10, "+", "stays", ip=2)])
    known.learn(statements([Said("pod", 30, 40)]))
    known.forget(100)
    assert who(known, 150, 160) == "(unknown)"
    assert who(known, 150, 160, address(2)) == "stays"


def test_events_can_be_told() -> None:
    known, other = a_map(), a_map()
    changed = known.learn_events([event(10, "+", "lb"), event(60, "-", ""), event(70, "+", "")])
    other.learn_events(known.evidence.events_of(changed))
    assert whos(other, [(20, 30), (70, 80)]) == ["lb", "(gap)"]
    assert not np.size(other.learn_events(known.evidence.events_of(changed)))
