"""The boundaries of a block in the metadata of an offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.transport import decode_pending, encode_pending


@given(st.none() | st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)))
def test_pending_round_trip(pending: tuple[int, int] | None) -> None:
    assert decode_pending(encode_pending(pending)) == pending
    assert decode_pending(encode_pending(pending) + "\0") == pending


@pytest.mark.parametrize("metadata", ["", "moved by hand", "weir:1:", "weir:1:5", "weir:1:a-b", "weir:2:1-2", "weir:1:-5-6"])
def test_metadata_of_others_decides_nothing(metadata: str) -> None:
    assert decode_pending(metadata) is None
