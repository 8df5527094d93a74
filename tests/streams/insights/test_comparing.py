"""What changed between two times, in one word."""

from __future__ import annotations

import pyarrow as pa
import pytest

from streams.insights.comparing import SUMS, statuses

CASES = [
    ((100, 10, 0), (100, 10, 0), ""),
    ((100, 10, 0), (0, 0, 0), "new"),
    ((0, 0, 0), (100, 10, 0), "gone"),
    ((151, 10, 0), (100, 10, 0), "more"),
    ((60, 10, 0), (100, 10, 0), "less"),
    ((110, 8, 2), (100, 10, 0), "failing"),
    ((110, 0, 2), (0, 0, 0), "failing"),
    ((110, 8, 2), (100, 8, 2), ""),
    ((500, 8, 2), (100, 8, 2), "more"),
    ((110, 999, 1), (100, 1_000, 0), ""),
    ((0, 0, 0), (0, 0, 0), ""),
    ((2**63, 1, 0), (2**63 - 1, 1, 0), ""),
]


@pytest.mark.parametrize(("now", "before", "wanted"), CASES)
def test_a_group_has_the_first_word_that_fits(now: tuple[int, ...], before: tuple[int, ...], wanted: str) -> None:
    columns = {name: [value] for name, value in zip(SUMS, now, strict=True)}
    columns |= {f"before_{name}": [value] for name, value in zip(SUMS, before, strict=True)}
    assert statuses(pa.table({name: pa.array(values, pa.uint64()) for name, values in columns.items()}), "before_") == [wanted]


def test_no_groups_have_no_words() -> None:
    names = [f"{prefix}{name}" for prefix in ("", "before_") for name in SUMS]
    assert statuses(pa.table({name: pa.array([], pa.uint64()) for name in names}), "before_") == []
