"""Texts get numbers in the order of first sight, whether all of them are known, some, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.columns.strings import StringTable

TEXTS = st.lists(st.sampled_from(["", "a", "ab", "b", "ä", "node/n1"]), max_size=8)


@given(TEXTS, st.lists(TEXTS, max_size=5))
def test_numbers_are_in_the_order_of_first_sight(first: list[str], others: list[list[str]]) -> None:
    table, seen = StringTable(first), [*dict.fromkeys(first)]
    for texts in (*others, first, *others):
        numbers = table.numbers(texts)
        seen = [*dict.fromkeys([*seen, *texts])]
        assert numbers.dtype == "u4" and numbers.tolist() == [seen.index(text) for text in texts]
        assert table.texts == seen and len(table) == len(seen)
        assert [table.number(text) for text in seen] == [*range(len(seen))]
