"""Which of the offsets that never came are messages that Kafka dropped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.retention import OffsetGap, dropped, gaps


@pytest.mark.parametrize(
    ("position", "offsets", "found"),
    [
        (5, [5, 6, 7], []),
        (5, [9, 10], [OffsetGap(5, 9)]),
        (None, [9, 10], []),
        (5, [5, 7, 8, 12], [OffsetGap(6, 7), OffsetGap(9, 12)]),
        (5, [], []),
        (8, [5, 6], []),
    ],
)
def test_gaps_stand_before_messages(position: int | None, offsets: list[int], found: list[OffsetGap]) -> None:
    assert gaps(position, offsets) == found


@given(st.integers(0, 50), st.sets(st.integers(0, 100), min_size=1))
def test_gaps_and_messages_are_all_offsets(position: int, some: set[int]) -> None:
    offsets = sorted(offset for offset in some if offset >= position) or [position]
    missing = [offset for gap in gaps(position, offsets) for offset in range(gap.first, gap.until)]
    assert sorted([*missing, *offsets]) == list(range(position, offsets[-1] + 1))


def test_only_what_stands_before_the_earliest_offset_was_dropped() -> None:
    """The others hold the ends of transactions, or what was aborted."""
    found = [OffsetGap(5, 6), OffsetGap(9, 12)]
    assert dropped(found, 0) is dropped(found, 5) is dropped([], 5) is None
    assert dropped(found, 6) == dropped(found, 12) == OffsetGap(5, 6)
    assert dropped(found[1:], 12) == dropped(found[1:], 20) == OffsetGap(9, 12)
    assert dropped(found[1:], 10) == OffsetGap(9, 10)
    assert (OffsetGap(9, 12).messages, OffsetGap(9, 12).boundaries) == (3, (9, 11))
