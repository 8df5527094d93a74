"""Rows found by number are rows with that number, whatever was looked for before."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.columns.positions import Positions

numbers = st.lists(st.integers(0, 12), max_size=12)


@given(st.lists(st.tuples(numbers, numbers), max_size=6))
def test_what_is_in_the_column_is_found_and_nothing_else(asked: list[tuple[list[int], list[int]]]) -> None:
    positions = Positions()
    for column, wanted in asked:
        rows = positions.find(np.array(column, np.int64), np.array(wanted, np.int64)).tolist()
        assert len(rows) == len(wanted)
        for number, row in zip(wanted, rows, strict=True):
            assert row == -1 if number not in column else column[row] == number
