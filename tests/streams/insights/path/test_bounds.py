"""Bounds against the exact distributions that they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.insights.path.bounds import at_most, still_silent, wilson


def test_wilsons_interval_is_that_of_the_tables() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148, 0 of 20."""
    assert (wilson(81, 263).low, wilson(81, 263).high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert (wilson(15, 148).low, wilson(15, 148).high) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert (wilson(0, 20).low, wilson(0, 20).high) == pytest.approx((0.0, 0.1611), abs=1e-4)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_bounds_hold_the_share(hits: int, more: int) -> None:
    tries = hits + more
    share = wilson(hits, tries)
    assert 0 <= share.low <= hits / tries <= share.high <= 1


@pytest.mark.parametrize("tries", [30, 100, 1_000])
def test_the_rule_of_three_is_near(tries: int) -> None:
    assert at_most(tries) == pytest.approx(3 / tries, rel=0.06)
    assert (1 - at_most(tries)) ** tries == pytest.approx(0.05)


def test_a_pause_of_three_usual_ones_is_no_surprise() -> None:
    assert still_silent(0.1, 30) == pytest.approx(0.0498, abs=1e-4)
