"""Forecasts of many series: which way each goes, what is refused, and that none depends on another."""

from __future__ import annotations

import numpy as np
import pytest

from streams.insights.forecast import outlook as module
from streams.insights.forecast.outlook import outlook
from tests.simulator.answers.forecast import traffic

WEEK_H = 168
DAY = 1e6 * (2 + np.sin(np.arange(24) * np.pi / 12))


def history(days: float, seed: int = 1) -> np.ndarray:
    """Eight weeks of hours, of which only the last days have traffic."""
    values = np.tile(DAY, 56) * np.random.default_rng(seed).lognormal(0, 0.1, 56 * 24)
    values[: round((56 - days) * 24)] = 0
    return values


def test_a_repeating_week_goes_on() -> None:
    week = np.exp(np.random.default_rng(1).uniform(5, 20, WEEK_H))
    found = outlook(np.tile(week, 8)[None, :], WEEK_H)
    assert np.allclose(found.told[0], week, rtol=1e-6)
    assert np.allclose(found.low[1][0], week, rtol=1e-6)
    assert found.naive[0], "nothing can be better than last week, which is right"


@pytest.mark.parametrize(("days", "season_h", "refused"), [
    (56, 168, ""), (21, 168, ""), (20, 24, ""), (14, 24, ""),
    (13, 24, "There are 13.0 days of history: 14 are needed."), (0, 24, "Nothing was counted."),
])  # fmt: skip
def test_the_season_goes_by_how_much_history_there_is(days: float, season_h: int, refused: str) -> None:
    found = outlook(history(days)[None, :], 48)
    assert (int(found.season_h[0]), found.refused[0]) == (season_h, refused)
    assert np.isnan(found.told[0]).all() == bool(refused)
    assert found.way[0] in (("",) if refused else ("same_hour", "usual", "level", "trend"))
    if not refused:
        assert np.median(np.abs(found.told[0] / np.tile(DAY, 2) - 1)) < 0.1


def test_what_is_hardly_known_is_refused() -> None:
    values = history(56)
    values[-28 * 24 :][: 16 * 24] = np.nan
    assert outlook(values[None, :], 24).refused == ("43% of the last hours are known: 50% are needed.",)


def test_a_series_is_told_alike_whatever_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.concatenate([traffic(5, 14).history, history(16)[None, :], history(3)[None, :]])
    together = outlook(values, 200)
    monkeypatch.setattr(module, "SERIES_AT_ONCE", 3)
    mixed = np.random.default_rng(1).permutation(len(values))
    apart = outlook(values[mixed], 200)
    for one, other in ((together.told, apart.told), (together.low[0], apart.low[0]), (together.high[1], apart.high[1])):
        assert np.allclose(one[mixed], other, rtol=1e-9, equal_nan=True)
    assert tuple(together.way[at] for at in mixed) == apart.way
    assert tuple(together.refused[at] for at in mixed) == apart.refused


def test_gaps_are_not_nothing() -> None:
    whole = np.tile(np.tile(DAY, 7), 8)[None, :]
    gappy = whole.copy()
    gappy[0, np.random.default_rng(1).random(whole.shape[1]) < 0.2] = np.nan
    assert np.allclose(outlook(gappy, WEEK_H).told, whole[:, :WEEK_H], rtol=1e-3)


def test_a_level_that_has_changed_is_gone_on_from() -> None:
    values = history(56)
    values[-4 * 24 :] *= 5
    found = outlook(values[None, :], WEEK_H)
    assert np.median(found.told[0] / np.tile(5 * DAY, 7)) == pytest.approx(1, abs=0.15)


def test_growth_is_told_where_there_is_a_trend() -> None:
    growing = history(56) * np.exp(0.02 * np.arange(56 * 24) / WEEK_H)
    found = outlook(np.stack([growing, history(56, seed=4)]), WEEK_H)
    assert found.growth[0] == pytest.approx(np.expm1(0.02), abs=0.01)
    assert np.isnan(found.growth[1])


def test_no_series_no_forecast() -> None:
    assert outlook(np.zeros((0, 1_344)), 24).told.shape == (0, 24)
