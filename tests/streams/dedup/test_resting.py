"""Rests say what heartbeats said: all of it, and never more, whatever is lost, repeated, out of order, or applied by two workers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records.flow_batch import FlowBatch
from streams.blocks.side_tables import ownership_tables
from streams.dedup import resting
from streams.dedup.resting import Resting, Told
from tests.streams.dedup.stories import NAMES, SPANS, WINDOW_US, Holder, Span, Workers, arrivals, says_no_more, shown, spoken, whole_story
from tests.streams.support import address

WHOLE, EARLY, LATE = SPANS[1][0], SPANS[2][0], SPANS[3][0]
MANY: list[Holder] = [(address(last), NAMES[last % 2], 0, 0) for last in range(100)]


def window(number: int, holders: list[Holder] = MANY, span: Span = WHOLE, **more: Any) -> FlowBatch:
    return spoken([(holder, span) for holder in holders], number, **more)


def rows(told: Told) -> tuple[int, int, int, int]:
    """Rows that nothing extends, that are open, that ended; and rests."""
    ranges, rests = ownership_tables(told, "default")
    kinds = [(row["chain"] > 0) + row["ended"] for row in ranges.to_pylist()]
    return kinds.count(0), kinds.count(1), kinds.count(2), len(rests)


@settings(max_examples=150, deadline=None)
@given(arrivals(), st.integers(0, 2**32), st.sampled_from([resting.TOLD_AGAIN_US, 4 * WINDOW_US]))
def test_all_that_was_said_is_shown_and_no_more_at_any_instant(told: list[FlowBatch], seed: int, again_us: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resting, "TOLD_AGAIN_US", again_us)
        inserts = Workers(random.Random(seed), told).inserts()
    begun = written = 0
    for number, insert in enumerate(inserts, 1):
        begun, written = max(begun, insert.said), max(written, insert.said * insert.whole)
        found = shown((one.ranges for one in inserts[:number]), (one.rests for one in inserts[:number]))
        assert says_no_more(found, whole_story(told[:begun]))
        assert says_no_more(whole_story(told[:written]), found)
    assert begun == written == len(told)


def test_at_rest_one_row_a_slice_and_block() -> None:
    memory = Resting()
    assert rows(memory.tell([window(0), window(0, MANY[:7], node="n2")])) == (0, 107, 0, 0)
    assert rows(memory.tell([window(1), window(1, MANY[:7], node="n2")])) == (0, 0, 0, 2)
    assert rows(memory.tell([window(number) for number in range(2, 9)])) == (0, 0, 0, 1)


def test_what_changes_is_a_row_each() -> None:
    memory = Resting()
    memory.tell([window(0, MANY[:50])])
    assert rows(memory.tell([window(1, MANY[1:52])])) == (0, 2, 1, 1)
    ended_early = spoken([(holder, EARLY if number == 3 else WHOLE) for number, holder in enumerate(MANY[1:52])], 2)
    assert rows(memory.tell([ended_early])) == (1, 0, 1, 1)
    assert rows(memory.tell([window(3, MANY[1:4] + MANY[5:52])])) == (0, 0, 0, 1)


def test_other_names_in_the_batch_are_no_change() -> None:
    memory = Resting()
    memory.tell([window(0)])
    assert rows(memory.tell([window(1, names=("another", *NAMES[::-1]))])) == (0, 0, 0, 1)
    assert rows(memory.tell([window(2)])) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (window(2), (0, 100, 0, 0)),  # a window is missing
        (window(0), (100, 0, 0, 0)),  # it comes again
        (window(1, span=LATE), (0, 100, 0, 0)),
        (window(1, span=EARLY), (0, 0, 0, 1)),  # all to the same instant, which is the end of the batch
        (window(1, index=1), (0, 100, 0, 0)),
        (replace(window(1), network="other"), (0, 100, 0, 0)),
        (replace(window(1), epoch=2), (0, 0, 0, 1)),  # it was held all the time, whoever counted
        (window(1, MANY[60:]), (0, 40, 0, 0)),  # fewer rows than to end the others
        (window(1, []), (0, 0, 0, 0)),
    ],
)
def test_what_does_not_go_on_is_told_range_by_range(second: FlowBatch, expected: tuple[int, int, int, int]) -> None:
    memory = Resting()
    memory.tell([window(0)])
    assert rows(memory.tell([second])) == expected


def test_a_name_that_a_batch_has_twice_is_one_name() -> None:
    memory = Resting()
    for number, names in enumerate([("cart", "cart"), ("cart", "cart"), ("cart",), ("cart",)]):
        one = spoken([((address(1), "cart", 0, 0), WHOLE)] * len(names), number, names=names)
        one.heartbeats.workload[:] = range(len(names))
        assert rows(memory.tell([one])) == [(1, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)][number]


def test_a_repeat_does_not_break_the_chain() -> None:
    memory = Resting()
    memory.tell([window(0), window(1)])
    assert rows(memory.tell([window(0), window(1), window(2)])) == (100, 0, 0, 1)


def test_what_goes_on_is_told_again_in_time() -> None:
    memory, day = Resting(), 86_400_000_000 // WINDOW_US
    memory.tell([window(0, span=(0, 6_000))])
    told_at = []
    for number in range(600, 14 * day, 600):  # windows of a hundred minutes
        found = rows(memory.tell([window(number, span=(0, 6_000))]))
        told_at += [number] * (found[1] > 0)
        assert found in ((0, 100, 0, 0), (0, 0, 0, 1))
    gaps = [(later - sooner) / day for sooner, later in zip([0, *told_at], told_at, strict=False)]
    assert len(told_at) >= 2 and all(3.5 <= gap <= 7.1 for gap in gaps)


def test_a_rest_knows_how_late_it_was_told() -> None:
    """Seconds after the end of window 0. The agent was cut off from Kafka, and its windows come in one block."""
    now_us = [WINDOW_US]
    memory = Resting(clock=lambda: now_us[0])
    found = []
    for at, windows in ((22, [0]), (35, [1]), (44, [2]), (400, range(3, 30)), (412, [30])):
        now_us[0] = WINDOW_US + at * 1_000_000
        told = memory.tell([window(number) for number in windows])
        found.append([((rest.end_us - WINDOW_US) // 1_000_000, rest.late) for rest in told.rests])
        assert len({rest.chain for rest in told.rests}) <= 1
    assert found[:3] == [[], [(10, 25)], [(20, 24)]]
    assert [late for _, late in found[3]] == [270, 180, 120, 110]
    assert found[4] == [(300, 112)]


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    memory = Resting(max_bytes=3 * 6_000)
    for node in ("n1", "n2", "n3"):
        memory.tell([window(0, node=node)])
    memory.tell([window(1, node="n1")])
    memory.tell([window(0, node="n4")])
    assert memory.bytes <= memory.max_bytes
    assert rows(memory.tell([window(2, node="n1")])) == (0, 0, 0, 1)
    assert rows(memory.tell([window(1, node="n2")])) == (0, 100, 0, 0)
    memory.forget()
    assert memory.bytes == 0
    assert rows(memory.tell([window(3, node="n1")])) == (0, 100, 0, 0)
