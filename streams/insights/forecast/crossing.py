"""In how many days a limit is reached: futures that are as likely, of the line, its error, and weeks of what was left beside it.

A block bootstrap (Kuensch, 1989): a week is drawn whole, so that what its days have in common stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.robust import Floats, quantiles
from streams.insights.forecast.trend import chance, trend_of
from streams.insights.forecast.weekly import DAY_H, WEEK_H, ahead, daily_levels, shape_of

Statistic = Literal["sum", "p95", "max"]
"""Of a day's 24 hours."""

DAYS, PATHS, PERIODS = 90, 500, 2
CHANCES = (0.1, 0.5, 0.9)
NO_TREND = 0.1
LONG_WEEKS = 8
"""Of the shape: its errors make days seem to reach a limit that they do not."""


@dataclass(frozen=True)
class Crossing:
    """`days`: by CHANCES, until the first of two days in a row beyond the limit; None: not within DAYS. `refused`: why there are none."""

    days: tuple[float | None, float | None, float | None]
    refused: str


def crossing(logs: Floats, season_h: int, limit: float, statistic: Statistic, seed: int = 0) -> Crossing:
    """`logs`: one series by hour. `limit`: of a day's statistic, in the values' own unit."""
    shape = shape_of(logs[None, :], season_h, LONG_WEEKS)
    levels = daily_levels(logs[None, :], shape)
    trend = trend_of(levels)
    by_chance = chance(float(trend.slope[0]), float(trend.error[0]))
    if is_beyond(np.expm1(logs), limit, statistic):
        return Crossing((0.0, 0.0, 0.0), "")
    if by_chance > NO_TREND:
        return Crossing((None, None, None), f"There is no trend: a series without one looks like this in {by_chance:.0%} of cases.")
    rng = np.random.default_rng(seed)
    days = (np.arange(DAYS * DAY_H) + 0.5) / DAY_H
    line = ahead(shape, DAYS * DAY_H)[0] + trend.line[0] + trend.slope[0] * days
    off_slope = rng.standard_normal((PATHS, 1)) * trend.error[0] * days
    beside = _left(logs, shape, levels, trend.residual)
    paths = line + off_slope + _drawn(beside, rng)
    return Crossing(_days(daily(np.expm1(np.maximum(paths, 0)), statistic) > limit), "")


def is_beyond(values: Floats, limit: float, statistic: Statistic) -> bool:
    """Whether the last two days of one series are. An hour that is not known is no more than nothing."""
    last = np.nan_to_num(values[-PERIODS * DAY_H :])
    return len(last) == PERIODS * DAY_H and bool(np.all(daily(last[None, :], statistic) > limit))


def daily(values: Floats, statistic: Statistic) -> Floats:
    """(series, days) of (series, hours)."""
    days = values.reshape(len(values), -1, DAY_H)
    if statistic == "sum":
        return np.asarray(days.sum(axis=-1))
    return np.asarray(days.max(axis=-1)) if statistic == "max" else quantiles(days, np.array([0.95]))[..., 0]


def _left(logs: Floats, shape: Floats, levels: Floats, residual: Floats) -> Floats:
    """By hour of whole days: what is left beside shape and line; 0 where it is not known."""
    days = levels.shape[1]
    kept = logs[len(logs) - days * DAY_H :]
    season = np.tile(shape[0], -(-len(kept) // shape.shape[1]))[-len(kept) :]
    within = np.nan_to_num(kept - season - np.repeat(levels[0], DAY_H))
    return np.asarray(within + np.repeat(residual[0], DAY_H))


def _drawn(left: Floats, rng: np.random.Generator) -> Floats:
    weeks = -(-DAYS * DAY_H // WEEK_H)
    starts = DAY_H * rng.integers(0, max(1, (len(left) - WEEK_H) // DAY_H + 1), (PATHS, weeks))
    hours = (starts[:, :, None] + np.arange(WEEK_H)) % len(left)
    return np.asarray(left[hours].reshape(PATHS, -1)[:, : DAYS * DAY_H])


def _days(beyond: NDArray[np.bool_]) -> tuple[float | None, float | None, float | None]:
    """`beyond`: (paths, days). A chance that is reached within a day is a part of it: half of the way is its number."""
    both = beyond[:, :-1] & beyond[:, 1:]
    first = np.bincount(both.argmax(axis=1)[both.any(axis=1)], minlength=both.shape[1])
    by_day = np.concatenate([[0], np.cumsum(first)]) / len(both)
    low, middle, high = (None if by_day[-1] < one else _day(by_day, one) for one in CHANCES)
    return low, middle, high


def _day(by_day: Floats, wanted: float) -> float:
    at = int(np.searchsorted(by_day, wanted)) - 1
    return max(0.0, at - 0.5 + float((wanted - by_day[at]) / (by_day[at + 1] - by_day[at])))
