"""The shape of a week, beside its level."""

from __future__ import annotations

import numpy as np

from streams.insights.forecast.weekly import DAY_H, WEEK_H, ahead, daily_levels, last_season, shape_of, usual_season

WEEK = np.sin(np.arange(WEEK_H) / 5.0)


def weeks(*levels: float) -> np.ndarray:
    return np.concatenate([WEEK + level for level in levels])[None, :]


def test_a_shape_is_what_hours_have_beside_their_weeks_level() -> None:
    assert np.allclose(shape_of(weeks(7, 7, 7, 7), WEEK_H), WEEK - np.median(WEEK))


def test_levels_leave_the_shape_as_it_is() -> None:
    assert np.allclose(shape_of(weeks(3, 9, 9.5, 2), WEEK_H), shape_of(weeks(7, 7, 7, 7), WEEK_H))


def test_a_spoilt_week_is_outvoted() -> None:
    logs = weeks(7, 7, 7, 7)
    logs[0, WEEK_H : 2 * WEEK_H] = np.linspace(0, 20, WEEK_H)
    assert np.abs(shape_of(logs, WEEK_H) - shape_of(weeks(7, 7, 7, 7), WEEK_H)).max() < 1e-9


def test_an_hour_that_was_never_known_has_the_shape_of_its_hour_of_the_day() -> None:
    day = np.sin(np.arange(DAY_H))
    logs = np.tile(day, 28)[None, :] + 5
    logs[:, 30::WEEK_H] = np.nan
    shape = shape_of(logs, WEEK_H)[0]
    assert np.allclose(shape - shape[0], np.tile(day - day[0], 7))


def test_the_last_season_goes_back_behind_gaps() -> None:
    logs = weeks(1, 2, 3, 4)
    logs[0, -WEEK_H:][:10] = np.nan
    assert np.allclose(last_season(logs, WEEK_H)[0], np.where(np.arange(WEEK_H) < 10, WEEK + 3, WEEK + 4))


def test_the_usual_season_is_the_median_of_its_hours() -> None:
    assert np.allclose(usual_season(weeks(1, 2, 4, 50), WEEK_H)[0], WEEK + 3)


def test_a_season_goes_on_from_the_hour_after_the_end() -> None:
    assert np.array_equal(ahead(np.arange(24.0)[None, :], 30)[0], [*range(24), *range(6)])


def test_daily_levels_know_no_shape_and_no_outlier() -> None:
    logs = weeks(5, 6, 7, 8)[:, 3:]  # the first day is a part
    logs += np.random.default_rng(1).normal(0, 0.01, logs.shape)
    logs[0, -5] += 30
    levels = daily_levels(logs, shape_of(logs, WEEK_H))
    assert levels.shape == (1, 27)
    assert np.allclose(np.diff(levels[0, -7:]), 0, atol=0.02)
