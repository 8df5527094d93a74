"""Intervals from what was told wrongly before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.insights.forecast.conformal import blocks, interval


def test_blocks_touch_and_end_with_the_horizon() -> None:
    assert blocks(10) == [slice(0, 10)]
    assert blocks(168) == [slice(0, 24), slice(24, 72), slice(72, 168)]
    assert blocks(400)[-2:] == [slice(168, 336), slice(336, 400)]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_an_interval_holds_as_often_as_it_says(level: float) -> None:
    rng = np.random.default_rng(1)
    told = np.full((400, 168), 20.0)
    left = rng.normal(0, 1, (14, *told.shape)).astype(np.float32)
    found = interval(told, left, level)
    came = told + rng.normal(0, 1, told.shape)
    assert np.mean((came >= found.low) & (came <= found.high)) == pytest.approx(level, abs=0.03)


def test_an_interval_that_begins_at_nothing_misses_above_alone() -> None:
    told = np.zeros((1, 24))
    left = np.random.default_rng(2).exponential(1, (14, 1, 24)).astype(np.float32)
    one_sided, two_sided = interval(told, left, 0.8), interval(told + 50, left, 0.8)
    assert np.all(one_sided.low == 0)
    assert np.all(one_sided.high < two_sided.high - 50)


def test_what_no_origin_reaches_is_wider_than_what_is_before_it() -> None:
    told = np.full((1, 600), 20.0)
    left = np.random.default_rng(3).normal(0, 1, (14, 1, 600)).astype(np.float32)
    left[:, :, 336:] = np.nan
    found = interval(told, left, 0.8)
    widths = (found.high - found.low)[0]
    assert np.all(np.diff(widths[168:]) >= 0)
    assert widths[599] > 1.2 * widths[200]


@given(st.integers(0, 2**32 - 1), st.integers(1, 500))
def test_the_wider_holds_the_narrower_and_both_hold_what_was_told(seed: int, horizon_h: int) -> None:
    rng = np.random.default_rng(seed)
    told = rng.uniform(0, 10, (3, horizon_h))
    left = rng.normal(rng.normal(), 1, (rng.integers(1, 8), 3, horizon_h)).astype(np.float32)
    left[rng.random(left.shape) < 0.3] = np.nan
    narrow, wide = interval(told, left, 0.8), interval(told, left, 0.95)
    assert np.all((0 <= wide.low) & (wide.low <= narrow.low) & (narrow.low <= told))
    assert np.all((told <= narrow.high) & (narrow.high <= wide.high))
