"""What stood behind a service address, then: the rule, whatever order words come in, and its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.cluster import ServiceAddress
from streams.ownership.service_history import AMBIGUOUS, GAP, NAMED, NOTHING, SHARED, Verdict
from streams.ownership.services import ServiceMap
from tests.streams.ownership.service_words import Word, behind, knowing, oracle, over, verdict, verdicts, watched

WEB = Verdict(NAMED, "shop/web", "shop/web")

instants = st.integers(0, 30)
sets = st.lists(st.sampled_from(["", "a", "b"]), max_size=2, unique=True).map(lambda names: tuple(sorted(names)))
watchers = st.sampled_from(["w1", "w2"])
serving = st.builds(
    lambda since, names, service, watcher, last: behind(since, *names, service=service, watcher=watcher, last=last),
    *(instants, sets, st.sampled_from(["s", "t"]), watchers, st.sampled_from([1, 2])),
)
words = st.lists(serving | st.builds(over, instants, watchers) | st.builds(watched, instants, instants, watchers), max_size=12)


@given(words, st.lists(st.tuples(st.integers(-2, 32), st.integers(0, 12)), min_size=1, max_size=8))
def test_the_map_says_what_the_obvious_rule_says(told: list[Word], asked: list[tuple[int, int]]) -> None:
    known, spans = knowing(*told), [(first, first + length) for first, length in asked]
    for last in (1, 2):
        assert verdicts(known, spans, last) == [oracle(told, *span, last) for span in spans]


@given(words, words, st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(one: list[Word], other: list[Word], chance: Any) -> None:
    known, again = knowing(*one, *other), [*one, *other, *chance.sample(one, len(one) // 2)]
    chance.shuffle(again)
    retold = ServiceMap()
    for word in again:
        retold.learn([word])
    assert contents(retold) == contents(known) and retold.size == known.size
    assert contents(knowing(*(word for part in known.records() for word in part))) == contents(known)


def contents(known: ServiceMap) -> list[Word]:
    return sorted((word for part in known.records() for word in part), key=repr)


@given(words, st.integers(0, 30), st.tuples(st.integers(0, 32), st.integers(0, 12)))
def test_forgetting_makes_no_name(told: list[Word], before: int, asked: tuple[int, int]) -> None:
    """Of flows behind the instant the verdict stays, unless all that told of them is gone; of those before it, it may go."""
    known, span = knowing(*told), (asked[0], sum(asked))
    was = verdict(known, *span)
    known.forget(before)
    known.forget(before)
    now = verdict(known, *span)
    assert now == was or now.state in (NOTHING, GAP)
    if span[0] >= before:
        assert now == was or was.state in (NOTHING, GAP)


def test_one_workload_all_the_time_names() -> None:
    known = knowing(behind(10, "shop/web"), behind(50, "shop/web", "shop/next"), behind(90, "shop/next"), watched(5, 200))
    assert verdicts(known, [(10, 49), (20, 50), (60, 80), (90, 200)]) == [
        WEB,
        Verdict(SHARED, "shop/web"),
        Verdict(SHARED, "shop/web"),
        Verdict(NAMED, "shop/web", "shop/next"),
    ]


@pytest.mark.parametrize("names", [(), ("",), ("", "shop/web"), ("a", "b")])
def test_several_or_unknown_or_no_backends_are_shared(names: tuple[str, ...]) -> None:
    assert verdict(knowing(behind(0, *names), watched(0, 100)), 10, 20) == Verdict(SHARED, "shop/web")


def test_no_word_that_covers_all_of_it_is_a_gap() -> None:
    known = knowing(behind(10, "shop/web"), watched(5, 100), behind(90, "shop/web", watcher="w2"), watched(90, 200, "w2"))
    assert [found.state for found in verdicts(known, [(9, 20), (10, 20), (80, 100), (80, 101), (101, 200), (150, 201)])] == [
        GAP,  # nothing is told of the time before its first statement
        NAMED,
        NAMED,
        GAP,  # the two watermarks together hold it, and neither does
        NAMED,
        GAP,
    ]


def test_an_end_of_the_service_is_nothing_and_a_change_of_it_ambiguous() -> None:
    known = knowing(behind(0, "shop/web"), over(50), behind(80, "ops/log", service="ops/log"), watched(0, 200))
    assert [found.state for found in verdicts(known, [(0, 49), (40, 50), (50, 79), (70, 80), (80, 90)])] == [
        NAMED,
        AMBIGUOUS,
        NOTHING,
        AMBIGUOUS,
        NAMED,
    ]
    assert verdict(known, 10, 20, last=2) == Verdict(NOTHING)


def test_watchers_that_disagree_are_ambiguous() -> None:
    known = knowing(behind(0, "a"), behind(5, "b", watcher="w2"), watched(0, 100), watched(5, 100, "w2"))
    assert (verdict(known, 2, 10).state, verdict(known, 5, 10).state) == (NAMED, AMBIGUOUS)


def test_networks_are_kept_apart() -> None:
    assert verdicts(knowing(behind(0, "a"), watched(0, 100)), [(1, 2)], network="other") == [Verdict(NOTHING)]


def test_the_state_in_force_outlasts_the_retention_and_a_dead_watcher_does_not() -> None:
    known = knowing(behind(0, "a"), behind(40, "shop/web"), watched(0, 200), behind(0, "x", watcher="w2", last=2), watched(0, 30, "w2"))
    known.forget(100)
    assert known.size == 1
    assert verdicts(known, [(150, 160), (10, 20)]) == [WEB, Verdict(GAP)]
    assert verdict(known, 10, 20, last=2) == Verdict(NOTHING)


def test_a_watcher_whose_watermark_is_still_to_come_is_waited_for_once() -> None:
    known = knowing(behind(0, "shop/web"))
    known.forget(100)
    known.learn([watched(0, 200)])
    known.forget(100)
    assert verdict(known, 150, 160) == WEB
    lost = knowing(behind(0, "shop/web"))
    for _ in range(2):
        lost.forget(100)
    assert lost.size == 0


def many(count: int, since_us: int, *names: str) -> Sequence[ServiceAddress]:
    return [replace(behind(since_us, *names), port=port) for port in range(count)]


def test_what_ended_goes_first_where_there_is_no_room() -> None:
    known = ServiceMap(max_statements=100)
    known.learn([*many(60, 0, "a"), watched(0, 100)])
    known.learn(many(60, 50, "shop/web"))
    assert known.size <= 100 and known.dropped
    assert {found for port in range(60) for found in verdicts(known, [(60, 70)], port=port)} == {WEB}
    assert {found.state for port in range(60) for found in verdicts(known, [(10, 20)], port=port)} == {GAP}


def test_whole_addresses_go_where_nothing_has_ended() -> None:
    known = ServiceMap(max_statements=100)
    known.learn([*many(60, 0, "old"), watched(0, 100)])
    known.learn([replace(word, port=word.port + 100) for word in many(60, 5, "shop/web")])
    assert known.size <= 100
    states = {port: verdicts(known, [(60, 70)], port=port)[0].state for port in (*range(60), *range(100, 160))}
    assert set(states.values()) == {NAMED, NOTHING} and {states[port] for port in range(100, 160)} == {NAMED}
