"""Laws of merging: any order, any repetition, any cut, by any way of learning it, the same map."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_changelog
from tests.streams.support import Said, address, retold, statements, who, whos

said = st.builds(
    lambda owner, start, length, ip, port, node, seen: Said(owner, start, start + length, address(ip), port * (not seen), node, seen=seen),
    st.sampled_from(["A", "B", "C", ""]),
    st.integers(0, 60),
    st.integers(0, 20),
    st.integers(1, 3),
    st.sampled_from([0, 0, 80]),
    st.sampled_from("xy"),
    st.sampled_from([False, False, True]),
)


def a_map() -> OwnershipMap:
    return OwnershipMap(gap_us=9, skew_us=3, margin_us=-3, window_us=5)


def everything(known: OwnershipMap) -> set[tuple[object, ...]]:
    return {
        (record.network, record.ip, *(getattr(held, name) for name in held.__slots__))
        for record in retold(known.evidence.ranges_of(np.arange(known.evidence.addresses.count)))
        for held in record.ranges
    }


def timeline(known: OwnershipMap) -> list[list[str]]:
    spans = [(at, at + length) for at in range(-4, 84, 3) for length in (0, 5)]
    return [whos(known, spans, address(ip), port) for ip in (1, 2, 3) for port in (0, 80)]


@given(st.lists(said, max_size=14), st.randoms(use_true_random=False), st.integers(1, 14))
def test_order_repetition_and_cut_make_no_difference(known: list[Said], chance: random.Random, size: int) -> None:
    at_once, bit_by_bit = a_map(), a_map()
    at_once.learn(statements(known))
    again = known + chance.sample(known, len(known) // 2)
    chance.shuffle(again)
    for first in range(0, len(again), size):
        bit_by_bit.learn(statements(again[first : first + size]))
    assert everything(bit_by_bit) == everything(at_once)
    assert timeline(bit_by_bit) == timeline(at_once)
    assert bit_by_bit.size == at_once.size


@given(st.lists(said, max_size=10), st.lists(said, max_size=10))
def test_what_one_learns_another_can_be_told(left: list[Said], right: list[Said]) -> None:
    both, one, other = a_map(), a_map(), a_map()
    both.learn(statements(left + right))
    one.learn(statements(left))
    changed = other.learn(statements(right))
    one.learn(from_changelog(retold(other.evidence.ranges_of(changed))))
    assert everything(one) == everything(both)
    assert timeline(one) == timeline(both)


@given(st.lists(said, max_size=10), st.lists(said, min_size=1, max_size=10))
def test_changed_is_what_changed(before: list[Said], new: list[Said]) -> None:
    known = a_map()
    known.learn(statements(before))
    old = everything(known)
    changed = known.learn(statements(new))
    assert len(changed) == len(set(changed.tolist()))
    told_of = {(record.network, record.ip, held.port) for record in retold(known.evidence.ranges_of(changed)) for held in record.ranges}
    differs = everything(known) ^ old
    assert {(row[0], row[1], row[3]) for row in differs} == told_of
    assert not known.learn(statements(new)).size


@given(st.lists(said, max_size=12), st.integers(0, 80))
def test_forgetting_keeps_what_reaches_beyond(known: list[Said], before: int) -> None:
    learned = a_map()
    learned.learn(statements(known))
    old, later = everything(learned), [(at, at + 2) for at in range(before + 6, 84)]
    answers = [whos(learned, later, address(ip)) for ip in (1, 2, 3)]
    dropped = learned.forget(before)
    left = everything(learned)
    assert left == {row for row in old if row[6] > before}
    assert dropped == len(old) - len(left) == learned.forgotten_ranges
    named = [(a, b) for a, b in zip(sum(answers, []), sum((whos(learned, later, address(ip)) for ip in (1, 2, 3)), []), strict=True)]
    assert all(a == b or not a.startswith("(") or {a, b} <= {"(gap)", "(unknown)", "(shared)"} for a, b in named)
    learned.learn(statements(known))
    assert everything(learned) == left


def test_many_idle_addresses_make_room() -> None:
    known = a_map()
    crowd = [Said(f"w{n}", 0, 10, bytes(12) + n.to_bytes(4, "big")) for n in range(70_000)]
    known.learn(statements([*crowd, Said("A", 0, 100)]))
    full = known.memory_bytes
    assert known.forget(50) == 70_000
    assert known.sparse
    known = known.rebuilt()
    assert not known.sparse and known.forgotten_ranges == 70_000
    assert known.memory_bytes < full / 4
    assert who(known, 10, 20) == "A"
    assert known.evidence.addresses.count == 1


def test_an_agent_is_known_by_any_heartbeat_until_it_is_forgotten() -> None:
    known = a_map()
    known.learn(statements([Said("A", 0, 10), Said("web", 0, 20, address(2), port=80)]))
    ids = known.evidence.find(
        ["default"],
        np.zeros(3, np.uint32),
        np.frombuffer(address(1) + address(2) + address(3), np.uint8).reshape(3, 16),
        np.zeros(3, np.uint8),
        np.zeros(3, np.uint16),
    )
    assert known.evidence.has_agent(ids).tolist() == [True, True, False]
    assert known.evidence.has_ports(ids).tolist() == [False, True, False]
    known.forget(15)
    assert known.evidence.has_agent(ids).tolist() == [False, True, False]


def test_ranges_that_touch_are_one() -> None:
    known = a_map()
    known.learn(statements([Said("A", 10, 20), Said("A", 0, 10), Said("A", 20, 30), Said("A", 31, 40)]))
    assert sorted(row[5:7] for row in everything(known)) == [(0, 30), (31, 40)]


def test_going_on_beneath_a_longer_range_of_somebody_else() -> None:
    step_by_step, at_once = a_map(), a_map()
    told_in_turn = [Said("B", 0, 20), Said("A", 5, 10), Said("A", 10, 27)]
    for one in told_in_turn:
        step_by_step.learn(statements([one]))
    at_once.learn(statements(told_in_turn))
    assert timeline(step_by_step) == timeline(at_once)
    assert who(step_by_step, 26, 26) == "A"


def test_a_range_that_grows_to_a_window_decides_of_the_silence_before_it() -> None:
    step_by_step, at_once = a_map(), a_map()
    told_in_turn = [Said("A", 45, 50), Said("A", 55, 59), Said("A", 55, 60)]
    for one in told_in_turn:
        step_by_step.learn(statements([one]))
    at_once.learn(statements(told_in_turn))
    assert timeline(step_by_step) == timeline(at_once)
    assert who(step_by_step, 51, 53) == "A"


def test_long_lives_are_extended_in_place() -> None:
    known = a_map()
    for window in range(200):
        known.learn(statements([Said("A", 10 * window, 10 * window + 10), Said("B", 10 * window, 10 * window + 10, address(2))]))
    assert known.size == 2
    assert who(known, 3, 1990) == "A"
