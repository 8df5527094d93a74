"""Four ways to go on, and which of them did best from earlier hours on: a rolling origin (Tashman, Out-of-sample Tests, 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.robust import Floats, mean
from streams.insights.forecast.trend import Trend, damped_days, trend_of
from streams.insights.forecast.weekly import DAY_H, SHAPE_WEEKS, WEEK_H, ahead, daily_levels, last_season, shape_of, usual_season

WAYS = ("same_hour", "usual", "level", "trend")
"""The same hour of the last season; its median of four weeks; the shape at the recent level; and with a damped trend. Simplest first."""
ORIGIN_EVERY_H, FARTHEST_H = 2 * DAY_H, 4 * WEEK_H
NEEDED_H = {WEEK_H: 2 * WEEK_H, DAY_H: WEEK_H}
"""By the hours of a season: how many hours an origin has before it."""


@dataclass(frozen=True)
class Backtest:
    """`left`: (origins, ways, series, hours ahead), what came less what was told, in the logarithm; NaN where it is not known.

    `errors`: (ways, series), the mean absolute error of the values, of up to a week ahead.
    """

    left: NDArray[np.float32]
    errors: Floats


def ways(logs: Floats, season_h: int, horizon_h: int) -> Floats:
    """(ways, series, hours ahead), in the logarithm."""
    shape = ahead(shape_of(logs, season_h), horizon_h)
    trend = fitted_trend(logs, season_h)
    most = np.nanmax(logs[:, -SHAPE_WEEKS * WEEK_H :], axis=1, initial=0)[:, None]
    level = np.clip(shape + trend.level[:, None], 0, most)
    going = np.maximum(level + trend.slope[:, None] * damped_days(horizon_h), 0)
    return np.stack([ahead(last_season(logs, season_h), horizon_h), ahead(usual_season(logs, season_h), horizon_h), level, going])


def fitted_trend(logs: Floats, season_h: int) -> Trend:
    return trend_of(daily_levels(logs, shape_of(logs, season_h)))


def backtest(logs: Floats, season_h: int, horizon_h: int) -> Backtest:
    """Tells from every second day of the last four weeks what came after it. Series that begin later are not asked so early."""
    hours = logs.shape[1]
    begin = np.argmax(~np.isnan(logs), axis=1)
    farthest = min(FARTHEST_H, hours - NEEDED_H[season_h])
    backs = range(DAY_H, farthest + 1, ORIGIN_EVERY_H)
    left = [_left(logs, hours - back, season_h, horizon_h, begin) for back in backs]
    return Backtest(np.stack([one for one, _ in left]), mean(np.stack([error for _, error in left]), axis=0))


def _left(logs: Floats, origin: int, season_h: int, horizon_h: int, begin: NDArray[np.intp]) -> tuple[NDArray[np.float32], Floats]:
    told = ways(logs[:, :origin], season_h, horizon_h)
    came = np.full(told.shape[1:], np.nan)
    after = logs[:, origin : origin + horizon_h]
    came[:, : after.shape[1]] = after
    came[origin - begin < NEEDED_H[season_h]] = np.nan
    week = slice(0, WEEK_H)
    error = mean(np.abs(np.expm1(told[:, :, week]) - np.expm1(came[:, week])))
    return (came - told).astype(np.float32), error


def best(errors: Floats) -> NDArray[np.intp]:
    """The way of each series, by its place in WAYS; of two as good ones the simpler."""
    return np.asarray(np.argmin(np.where(np.isnan(errors), np.inf, errors), axis=0))
