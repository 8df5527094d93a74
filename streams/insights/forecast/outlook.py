"""How many series go on, all at once: as a matrix of hours in, with a gap as NaN, and told by hour out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.choose import WAYS, Backtest, backtest, best, fitted_trend, ways
from streams.insights.forecast.conformal import LEVELS, interval
from streams.insights.forecast.crossing import NO_TREND
from streams.insights.forecast.robust import Floats, mean
from streams.insights.forecast.trend import chance
from streams.insights.forecast.weekly import DAY_H, WEEK_H

LEAST_DAYS, WEEKLY_DAYS = 14, 21
"""Of history: with less than the first nothing is told, with less than the second the season is a day."""
LEAST_KNOWN = 0.5
NOTHING = "Nothing was counted."
SERIES_AT_ONCE = 256
"""So that memory does not grow with the number of series: a hundred megabytes at eight weeks of history and one ahead."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Outlook:
    """Of each series, NaN or "" where it is refused. `told`: (series, hours ahead). `low`, `high`: by level of conformal.LEVELS, the same.

    `season_h`: 168 or 24. `way`: of choose.WAYS. `mase`: the mean absolute error from earlier hours on, of what the same hour of the last
    season has within the history; NaN where that has none. `naive`: it does no better than the same hour of the last season.
    `growth`: a week, as a share; NaN without a trend. `refused`: a sentence.
    """

    told: Floats
    low: tuple[Floats, ...]
    high: tuple[Floats, ...]
    season_h: NDArray[np.int64]
    way: tuple[str, ...]
    mase: Floats
    naive: NDArray[np.bool_]
    growth: Floats
    refused: tuple[str, ...]


def outlook(values: Floats, horizon_h: int) -> Outlook:
    """`values`: (series, hours), 0 or more, NaN where it is not known. A series begins with its first hour that is not nothing."""
    count = len(values)
    begun = without_beginning(values)
    refused = tuple(refusal(series) for series in begun)
    season_h = np.array([season_of(series) for series in begun], np.int64)
    told = np.full((count, horizon_h), np.nan)
    low, high = (tuple(told.copy() for _ in LEVELS) for _ in range(2))
    way, naive = np.full(count, "", object), np.zeros(count, np.bool_)
    mase, growth = np.full(count, np.nan), np.full(count, np.nan)
    for season, chosen in _portions(season_h, np.array([not sentence for sentence in refused], np.bool_)):
        logs = np.log1p(begun[chosen])
        tested = backtest(logs, season, horizon_h)
        picked, each = best(tested.errors), np.arange(len(chosen))
        going = ways(logs, season, horizon_h)[picked, each]
        told[chosen] = np.expm1(going)
        for at, level in enumerate(LEVELS):
            found = interval(going, _left(tested, picked), level)
            low[at][chosen], high[at][chosen] = np.expm1(found.low), np.expm1(found.high)
        way[chosen] = [WAYS[one] for one in picked]
        naive[chosen] = tested.errors[picked, each] >= tested.errors[0]
        mase[chosen] = _scaled(tested.errors[picked, each], begun[chosen], season)
        growth[chosen] = _growth(logs, season)
    return Outlook(told, low, high, season_h, tuple(way), mase, naive, growth, refused)


def without_beginning(values: Floats) -> Floats:
    """What a series has before its first hour that is not nothing is not known: it was not there yet."""
    there = np.maximum.accumulate(np.nan_to_num(values) > 0, axis=1)
    return np.where(there, values, np.nan)


def season_of(series: Floats) -> int:
    """In hours, of one series without its beginning."""
    return WEEK_H if _days(series) >= WEEKLY_DAYS else DAY_H


def _days(series: Floats) -> float:
    known = np.flatnonzero(~np.isnan(series))
    return (len(series) - known[0]) / DAY_H if len(known) else 0.0


def refusal(series: Floats) -> str:
    """Why one series without its beginning is not told ahead; empty: it is."""
    days = _days(series)
    if days < LEAST_DAYS:
        return f"There are {days:.1f} days of history: {LEAST_DAYS} are needed." if days else NOTHING
    known = np.mean(~np.isnan(series[-int(min(days, 4 * 7) * DAY_H) :]))
    return "" if known >= LEAST_KNOWN else f"{known:.0%} of the last hours are known: {LEAST_KNOWN:.0%} are needed."


def _portions(season_h: NDArray[np.int64], usable: NDArray[np.bool_]) -> Iterator[tuple[int, Indices]]:
    for season in (WEEK_H, DAY_H):
        rows = np.flatnonzero(usable & (season_h == season))
        for start in range(0, len(rows), SERIES_AT_ONCE):
            yield season, rows[start : start + SERIES_AT_ONCE]


def _left(tested: Backtest, picked: Indices) -> NDArray[np.float32]:
    return tested.left[:, picked, np.arange(len(picked))]


def _scaled(errors: Floats, values: Floats, season_h: int) -> Floats:
    """Hyndman and Koehler, Another look at measures of forecast accuracy, 2006."""
    usual = mean(np.abs(values[:, season_h:] - values[:, :-season_h]))
    return np.asarray(np.divide(errors, usual, out=np.full(len(errors), np.nan), where=usual > 0))


def _growth(logs: Floats, season_h: int) -> Floats:
    trend = fitted_trend(logs, season_h)
    chances = np.array([chance(*pair) for pair in zip(trend.slope.tolist(), trend.error.tolist(), strict=True)])
    return np.where(chances <= NO_TREND, np.expm1(7 * trend.slope), np.nan)
