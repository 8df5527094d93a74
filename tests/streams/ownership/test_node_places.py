"""Where nodes are: what was said of a window is what is known of it, or nothing is, in whatever order and by whomever it was heard."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.flow_batch import FlowBatch
from schemas.records.node_place import NodePlace
from streams.ownership.map import OwnershipMap
from streams.ownership.node_places import STAYS, NodePlaces
from tests.streams.support import address, batch, heartbeats

SECOND = 1_000_000
WINDOW = 10 * SECOND
NODES = ("n1", "n2")
Heard = dict[tuple[str, int], set[tuple[str, str]]]


def a_batch(window: int, zone: str, node: str = "n1", region: str = "eu") -> FlowBatch:
    return replace(batch([], window=window, node=node), zone=zone, region=region)


def place(known: NodePlaces, window: int, node: str = "n1") -> tuple[str, str]:
    """Region and zone in the middle of the window."""
    at_us, found = window * WINDOW + WINDOW // 2, ("", "")
    for piece in known.timeline(node):
        if piece.start_us <= at_us:
            found = piece.region, piece.zone
    return found


def moving(chance: random.Random, windows: int, moves: float) -> list[FlowBatch]:
    """Of two nodes, that move now and then."""
    zones, batches = dict.fromkeys(NODES, "a"), []
    for window in range(windows):
        for node in NODES:
            if chance.random() < moves:
                zones[node] = chance.choice("abc")
            batches.append(a_batch(window, zones[node], node, chance.choice(["eu"] * 9 + ["us"]) if moves > 0.3 else "eu"))
    return batches


def shaken(chance: random.Random, batches: list[FlowBatch]) -> list[FlowBatch]:
    """Some lost, some late, some twice."""
    late = chance.choice([0, 0, 3, 40])
    kept = [one for one in batches if chance.random() < 0.9]
    kept += chance.sample(kept, len(kept) // 5)
    return sorted(kept, key=lambda one: one.window_start_us // WINDOW + chance.randint(0, late))


def said_in(batches: list[FlowBatch]) -> Heard:
    said: Heard = {}
    for one in batches:
        said.setdefault((one.node_id, one.window_start_us // WINDOW), set()).add((one.region, one.zone))
    return said


def assert_none_wrong(known: NodePlaces, said: Heard) -> int:
    """Returns how many windows have their place."""
    right = 0
    for (node, window), places in said.items():
        region, zone = place(known, window, node)
        assert region in {"", *(region for region, _ in places)} and zone in {"", *(zone for _, zone in places)}
        right += (region, zone) in places
    return right


seeds = st.integers(0, 2**32).map(random.Random)
moves = st.sampled_from([0.0, 0.05, 0.2, 0.5])


@settings(deadline=None)
@given(seeds, moves, st.integers(1, 7))
def test_whoever_hears_and_whoever_is_told_knows_what_was_said_or_nothing(chance: random.Random, often: float, size: int) -> None:
    """The listener is asked after each message: what it is told is enough at any time."""
    batches = shaken(chance, moving(chance, 12, often))
    teller, listener = NodePlaces(), NodePlaces()
    for first in range(0, len(batches), size):
        told = teller.hear(batches[first : first + size], "eu")
        for one in told + chance.sample(told, len(told) // 2):
            listener.learn(one)
        said = said_in(batches[: first + size])
        assert_none_wrong(teller, said)
        assert_none_wrong(listener, said)
    if often == 0:
        assert assert_none_wrong(listener, said_in(batches)) == len(said_in(batches))


@settings(deadline=None)
@given(seeds, moves)
def test_in_any_order_and_any_number_of_times_the_same(chance: random.Random, often: float) -> None:
    teller, one, other = NodePlaces(), NodePlaces(), NodePlaces()
    told = [place for some in moving(chance, 7, often) for place in teller.hear([some], "eu")]
    for message in told:
        one.learn(message)
    told += chance.sample(told, len(told) // 2)
    chance.shuffle(told)
    for message in told:
        other.learn(message)
    assert all(one.timeline(node) == other.timeline(node) for node in NODES)


@settings(deadline=None)
@given(seeds, st.sampled_from([0.0, 0.05, 0.1]))
def test_a_node_that_other_workers_read_in_turn(chance: random.Random, often: float) -> None:
    """Its batches come in their order, to one worker after the other; each knows what the others have told, and reads some of it again."""
    batches = moving(chance, 14, often)
    workers = [NodePlaces() for _ in range(3)]
    reader, heard, at = 0, 0, 0
    while at < len(batches):
        told = workers[reader].hear([batches[at]], "eu")
        heard, at = max(heard, at + 1), at + 1
        while told:
            for worker in workers:
                for one in told:
                    worker.learn(one)
            told = [one for worker in workers for one in worker.hear([], "eu")]
        for worker in workers:
            assert_none_wrong(worker, said_in(batches[:heard]))
        if chance.random() < 0.15:
            reader, at = chance.randrange(3), max(0, at - chance.randrange(6))
            workers[reader].tell_anew()
    timelines = [[worker.timeline(node) for node in NODES] for worker in workers]
    assert timelines[0] == timelines[1] == timelines[2]
    assert assert_none_wrong(workers[0], said_in(batches)) == len(said_in(batches))


def test_a_node_that_stays_is_told_of_once() -> None:
    known = NodePlaces()
    assert known.hear([a_batch(0, "a")], "eu") == [NodePlace("n1", "eu", "a", 0, WINDOW)]
    assert not any(known.hear([a_batch(window, "a")], "eu") for window in range(1, 50))
    assert known.hear([a_batch(50, "b")], "eu") == [
        NodePlace("n1", "eu", "a", 0, 50 * WINDOW),
        NodePlace("n1", "eu", "b", 50 * WINDOW, 51 * WINDOW),
    ]
    assert [place(known, window) for window in (0, 49, 50, 70)] == [("eu", "a"), ("eu", "a"), ("eu", "b"), ("eu", "b")]


def test_a_worker_that_reads_other_partitions_tells_anew_what_it_hears() -> None:
    known = NodePlaces()
    known.hear([a_batch(0, "a"), a_batch(0, "a", "n2")], "eu")
    known.tell_anew()
    assert known.hear([a_batch(3, "a")], "eu") == [NodePlace("n1", "eu", "a", 0, 4 * WINDOW)]
    assert known.hear([a_batch(4, "a")], "eu") == []


def test_windows_that_nobody_heard_between_two_places_are_in_neither() -> None:
    known = NodePlaces()
    known.hear([a_batch(0, "a"), a_batch(5, "b"), a_batch(9, "b")], "eu")
    assert [place(known, window) for window in range(7)] == [("eu", "a"), *[("eu", "")] * 4, ("eu", "b"), ("eu", "b")]
    assert place(known, -1) == ("", "")


def test_a_node_that_is_in_two_places_at_once_is_in_neither() -> None:
    known = NodePlaces()
    for window in range(STAYS // 2):
        known.hear([a_batch(window, "a"), a_batch(window, "b")], "eu")
    assert {place(known, window) for window in range(STAYS // 2)} == {("eu", "")}
    known.hear([a_batch(STAYS // 2, "b")], "eu")
    assert place(known, STAYS // 2) == ("eu", "b")


def test_batches_that_do_not_know_their_zone_say_nothing_of_it() -> None:
    """Of one window, some may know it and some not: lines of a recording that were cut apart."""
    known, told = NodePlaces(), list[NodePlace]()
    for window in range(20):
        told += known.hear([a_batch(window, ""), a_batch(window, "a"), a_batch(window, "")], "eu")
    assert len(told) == 2
    assert {place(known, window) for window in range(20)} == {("eu", "a")}
    known.hear([a_batch(window, "") for window in range(20, 25)], "eu")
    assert [place(known, window)[1] for window in range(19, 25)] == ["a", "", "", "", "", ""], "it does not know any more"
    known.hear([a_batch(25, "b")], "eu")
    assert [place(known, window)[1] for window in (22, 24, 25)] == ["", "", "b"]


def test_batches_without_a_region_are_of_the_workers() -> None:
    known = NodePlaces()
    known.hear([a_batch(0, "a", region="")], "us")
    assert place(known, 0) == ("us", "a")


def test_stays_and_nodes_are_bounded() -> None:
    known = NodePlaces(max_nodes=3)
    for window in range(3 * STAYS):
        known.hear([a_batch(window, "ab"[window % 2])], "eu")
    assert [place(known, window)[1] for window in (0, 2 * STAYS - 1, 2 * STAYS, 3 * STAYS - 1)] == ["", "", "a", "b"]
    assert [one.since_us // WINDOW for one in known.gone()] == list(range(2 * STAYS))
    assert known.gone() == []
    known.hear([a_batch(0, "a", f"n{node}") for node in range(2, 9)], "eu")
    assert (len(known), known.refused, place(known, 0, "n3"), place(known, 0, "n4")) == (3, 5, ("eu", "a"), ("", ""))


def test_what_ended_a_retention_ago_is_forgotten() -> None:
    known = NodePlaces()
    known.hear([a_batch(0, "a"), a_batch(1, "b"), a_batch(0, "a", "gone"), a_batch(0, "a", "told")], "eu")
    known.forget(WINDOW, {"told"})
    assert [place(known, 0), place(known, 1), place(known, 0, "gone"), place(known, 0, "told")] == [
        ("", ""),
        ("eu", "b"),
        ("", ""),
        ("eu", "a"),
    ]
    assert [(one.node_id, one.since_us) for one in known.gone()] == [("n1", 0), ("gone", 0)]
    assert known.hear([a_batch(9, "a", "gone")], "eu") == [NodePlace("gone", "eu", "a", 9 * WINDOW, 10 * WINDOW)]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_node_whose_addresses_others_tell_of_is_not_forgotten(rebuilt: bool) -> None:
    """Its last stay was told long ago, and nothing since, for it goes on; its lease is what says so."""
    from streams.ownership.hearing import BatchHearing

    known = OwnershipMap(gap_us=25 * SECOND, skew_us=0)
    known.places.learn(NodePlace("n1", "eu", "a", 0, WINDOW))
    hearing = BatchHearing(known, "default")
    for window in range(20):
        hearing.hear([batch([], window=window, beats=heartbeats([(0, address(1), window * WINDOW, (window + 1) * WINDOW)]))])
    known.forget(19 * WINDOW)
    known = known.rebuilt() if rebuilt else known
    assert place(known.places, 19) == ("eu", "a")
    known.forget(20 * WINDOW)
    assert len(known.places) == 0


def test_a_batch_of_a_node_that_stays_costs_a_look() -> None:
    known, batches = NodePlaces(), [a_batch(window, "a", f"n{node}") for window in range(3) for node in range(5)]
    known.hear(batches, "eu")
    slow = 0

    def counted(*_: object) -> None:
        nonlocal slow
        slow += 1

    known._hear = counted  # type: ignore[method-assign]
    known.hear([replace(one, window_start_us=one.window_start_us + 3 * WINDOW) for one in batches], "eu")
    assert slow == 0
