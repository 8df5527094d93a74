"""The shop's name service: what it answers is what was asked for, through an alias or not; nonsense is no question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.demo import names

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
ADDRESSES = st.ip_addresses(v=4).map(str)


@given(NAMES, ADDRESSES, st.one_of(st.none(), NAMES), st.integers(0, 65_535))
def test_a_name_that_is_known_has_its_address(name: str, address: str, alias: str | None, number: int) -> None:
    answered = names.answer(names.question(name, number), {name: address}, {name: alias} if alias else {})
    assert names.address_in(answered) == address
    assert answered[:2] == number.to_bytes(2, "big")


@given(NAMES)
def test_a_name_that_is_not_known_has_none(name: str) -> None:
    with pytest.raises(ValueError, match="no such name"):
        names.address_in(names.answer(names.question(name, 1), {}, {}))


def test_what_is_no_question_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        names.answer(b"hello", {}, {})
