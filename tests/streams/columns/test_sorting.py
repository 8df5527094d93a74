"""Quick sorting gives what numpy's own functions give."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.columns.sorting import distinct, numbered, order_by, repeated

few = st.lists(st.integers(0, 5), max_size=20)
any_of = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**62)), max_size=20)


@given(any_of)
def test_distinct_and_repeated(values: list[int]) -> None:
    column = np.array(values, np.int64)
    assert distinct(column).tolist() == sorted(set(values))
    assert repeated(column).tolist() == [values.count(value) > 1 for value in values]


@given(any_of)
def test_rows_by_their_values(values: list[int]) -> None:
    """By a table where the values are small, by sorting elsewhere."""
    found, row = numbered(np.array(values, np.int64), max(values, default=0) + 1)
    assert found.tolist() == sorted(set(values))
    assert found[row].tolist() == values


@given(st.lists(st.tuples(st.one_of(st.integers(0, 5), st.integers(0, 2**40)), st.one_of(st.integers(0, 5), st.integers(0, 2**62)))))
def test_order_by_two_columns(rows: list[tuple[int, int]]) -> None:
    """Also where both together are wider than 62 bits."""
    first, second = np.array(rows, np.int64).reshape(-1, 2).T
    order = order_by(first, second)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert list(zip(first[order].tolist(), second[order].tolist(), strict=True)) == sorted(rows)
