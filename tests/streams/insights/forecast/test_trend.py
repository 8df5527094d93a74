"""Levels and slopes that steps, outliers and gaps leave as they are."""

from __future__ import annotations

import numpy as np
import pytest

from streams.insights.forecast.trend import chance, damped_days, trend_of

DAYS = np.arange(56)


def levels(slope: float = 0.0, noise: float = 0.02, seed: int = 1) -> np.ndarray:
    return (10 + slope * DAYS + np.random.default_rng(seed).normal(0, noise, len(DAYS)))[None, :]


def test_a_slope_is_found() -> None:
    found = trend_of(levels(slope=0.004))
    assert found.slope[0] == pytest.approx(0.004, abs=3 * found.error[0])
    assert found.error[0] < 0.0005
    assert chance(found.slope[0], found.error[0]) < 0.001


@pytest.mark.parametrize("at", [3, 20, 40, 54])
def test_a_step_is_no_trend(at: int) -> None:
    stepped = levels()
    stepped[0, at:] += 1.0
    found = trend_of(stepped)
    assert abs(found.slope[0]) < 0.001
    assert found.level[0] == pytest.approx(11, abs=0.05)
    assert found.line[0] == pytest.approx(11 if at < 53 else 10, abs=0.1)


def test_a_day_that_stands_out_moves_nothing() -> None:
    for at in (20, 53, 55):
        odd = levels()
        odd[0, at] += 3.0
        found = trend_of(odd)
        assert found.level[0] == pytest.approx(10, abs=0.05)
        assert abs(found.slope[0]) < 0.001


def test_days_that_are_not_known_are_left_out() -> None:
    gappy = levels(slope=0.01)
    gappy[0, 10:20] = np.nan
    gappy[0, 50] = np.nan
    found = trend_of(gappy)
    assert found.slope[0] == pytest.approx(0.01, abs=0.002)
    assert not found.residual[0, 10:20].any()


def test_what_days_have_in_common_widens_the_error() -> None:
    rng = np.random.default_rng(3)
    wandering = np.cumsum(rng.normal(0, 0.02, len(DAYS)))[None, :] + 10
    alike = rng.permutation(wandering[0])[None, :]
    assert (
        trend_of(wandering).error[0] / trend_of(wandering).residual.std() > 1.5 * trend_of(alike).error[0] / trend_of(alike).residual.std()
    )


def test_a_tenth_of_those_without_a_trend_look_as_if_they_had_one() -> None:
    chances = [chance(*(float(one[0]) for one in (found.slope, found.error))) for found in (trend_of(levels(seed=at)) for at in range(200))]
    assert 0.05 < np.mean(np.array(chances) <= 0.1) < 0.2


def test_a_trend_is_damped_a_little() -> None:
    days = damped_days(90 * 24)
    assert days[0] == pytest.approx(0.5 / 24, rel=1e-3)
    assert 28 < days[30 * 24] < 30
    assert np.all(np.diff(days) > 0)
