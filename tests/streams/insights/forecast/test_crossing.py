"""In how many days a limit is reached."""

from __future__ import annotations

import numpy as np
import pytest

from streams.insights.forecast.crossing import crossing, daily

HOURS = np.arange(56 * 24)
NOISE = np.random.default_rng(1).normal(0, 0.05, len(HOURS))


def logs(growth: float) -> np.ndarray:
    """A day's curve of some megabytes an hour, growing so much a week."""
    return np.log1p(1e6 * np.exp(np.sin(HOURS * np.pi / 12) + growth * HOURS / 168 + NOISE))


def at(days: float, growth: float, statistic: str = "sum") -> float:
    """What the statistic is so many days ahead, without noise."""
    time = 56 * 24 + days * 24 + np.arange(24)
    hours = 1e6 * np.exp(np.sin(time * np.pi / 12) + growth * time / 168)
    return float(hours.sum() if statistic == "sum" else hours.max() if statistic == "max" else np.quantile(hours, 0.95))


@pytest.mark.parametrize("days", [10, 30, 60])
def test_a_limit_on_the_way_is_reached_when_it_is(days: int) -> None:
    low, middle, high = crossing(logs(0.03), 168, at(days, 0.03), "sum").days
    assert low is not None and middle is not None and high is not None
    assert low <= middle <= high
    assert middle == pytest.approx(days, abs=2 + 0.1 * days)


@pytest.mark.parametrize("statistic", ["p95", "max"])
def test_hours_of_a_day_have_limits_too(statistic: str) -> None:
    middle = crossing(logs(0.03), 168, at(30, 0.03, statistic), statistic).days[1]  # type: ignore[arg-type]
    assert middle is not None and 15 < middle < 40  # noise makes a day's highest hour higher


def test_a_limit_far_away_is_not_reached() -> None:
    assert crossing(logs(0.01), 168, at(400, 0.01), "sum").days == (None, None, None)


def test_what_shrinks_reaches_nothing() -> None:
    found = crossing(logs(-0.03), 168, at(-20, -0.03), "sum")
    assert (found.days, found.refused) == ((None, None, None), "")


def test_without_a_trend_there_is_no_day() -> None:
    found = crossing(logs(0), 168, at(10, 0) * 1.02, "sum")
    assert found.days == (None, None, None)
    assert found.refused.startswith("There is no trend: a series without one looks like this in ")


def test_what_is_beyond_its_limit_is_so_today() -> None:
    assert crossing(logs(0), 168, at(0, 0) / 2, "sum").days == (0, 0, 0)


def test_the_same_series_has_the_same_days() -> None:
    asked = (logs(0.02), 168, at(30, 0.02), "sum")
    assert crossing(*asked) == crossing(*asked)  # type: ignore[arg-type]


def test_days_have_sums_highest_hours_and_percentiles() -> None:
    hours = np.arange(48.0)[None, :]
    assert daily(hours, "sum").tolist() == [[276.0, 852.0]]
    assert daily(hours, "max").tolist() == [[23.0, 47.0]]
    assert np.allclose(daily(hours, "p95"), [[21.85, 45.85]])
