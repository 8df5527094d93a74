"""The shape of a week: what an hour of it has beside the week's level. All of it in the logarithm, series by row, hours by column."""

from __future__ import annotations

import numpy as np

from streams.insights.forecast.robust import MAD_TO_DEVIATION, Floats, filled, mean, median

DAY_H, WEEK_H = 24, 168
SHAPE_WEEKS = 4
STANDS_OUT = 3.0
"""Standard deviations of an hour beside its day."""


def seasons(logs: Floats, season_h: int, hours: int) -> Floats:
    """The last `hours` as (series, seasons, hours of a season), which end where the series do; what was before them is NaN."""
    missing = hours - logs.shape[1]
    kept = logs[:, -hours:] if missing <= 0 else np.pad(logs, ((0, 0), (missing, 0)), constant_values=np.nan)
    return kept.reshape(len(logs), hours // season_h, season_h)


def shape_of(logs: Floats, season_h: int, weeks: int = SHAPE_WEEKS) -> Floats:
    """(series, hours of a season): the median over the last weeks of what each hour had beside the level of its season.

    An hour that was never known has the shape of its hour of the day, or none. A step between two seasons leaves the shape as it is.
    """
    found = seasons(logs, season_h, weeks * WEEK_H)
    beside = found - median(found)[:, :, None]
    shape = median(beside, axis=1)
    by_day = np.nan_to_num(median(shape.reshape(len(logs), -1, DAY_H), axis=1))
    return np.where(np.isnan(shape), np.tile(by_day, season_h // DAY_H), shape)


def last_season(logs: Floats, season_h: int) -> Floats:
    """(series, hours of a season): each hour as it was when it was last known; 0 where it never was in four weeks."""
    found = seasons(logs, season_h, SHAPE_WEEKS * WEEK_H)
    return np.nan_to_num(filled(np.moveaxis(found, 1, -1))[..., -1])


def usual_season(logs: Floats, season_h: int) -> Floats:
    """(series, hours of a season): the median of each hour over four weeks, level included."""
    return np.nan_to_num(median(seasons(logs, season_h, SHAPE_WEEKS * WEEK_H), axis=1))


def ahead(season: Floats, horizon_h: int) -> Floats:
    """A season again and again, from the hour after the series' end."""
    return np.tile(season, -(-horizon_h // season.shape[1]))[:, :horizon_h]


def daily_levels(logs: Floats, shape: Floats) -> Floats:
    """(series, days): the mean of each day without its shape, hours that stand out counted as what just does not (Huber, 1964).

    Days end where the series do; a first part of a day is left out.
    """
    days = logs.shape[1] // DAY_H
    kept = logs[:, logs.shape[1] - days * DAY_H :]
    season = np.tile(shape, -(-kept.shape[1] // shape.shape[1]))[:, -kept.shape[1] :]
    hours = (kept - season).reshape(len(logs), days, DAY_H)
    middle = median(hours)[:, :, None]
    beside = (hours - middle).reshape(len(logs), -1)
    reach = STANDS_OUT * MAD_TO_DEVIATION * np.nan_to_num(median(np.abs(beside)))[:, None]
    return middle[:, :, 0] + mean(np.clip(beside, -reach, reach).reshape(hours.shape))
