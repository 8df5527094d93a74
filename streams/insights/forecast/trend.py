"""Where a series stands, and where it goes: the level of its last days and a slope that steps and outliers leave as it is.

The slope is least squares over daily levels without their steps: a difference of two days that is far from what is usual is taken out,
so that a step is gone, and a day that stands out goes with its two differences. The error of the slope is that of least squares,
widened by what the residuals of neighbouring days have in common (an AR(1) of n days says as much as n (1 - r) / (1 + r) others).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.robust import MAD_TO_DEVIATION, Floats, filled, mean, median

Known = NDArray[np.bool_]

LEVEL_DAYS = 7
STEP_DEVIATIONS = 5.0
"""Of the difference of two days from the usual one, beyond which it is a step."""
DAMPING = 0.98
"""Of the slope, from one week to the next. (Gardner and McKenzie, Forecasting Trends in Time Series, 1985.)"""
STANDS_OUT = 3.0
"""Deviations of a day's level from its week's, beyond which the day stands out."""
_SLIGHTEST = 1e-3
"""Deviation of a day's level, in the logarithm, below which nothing is told apart."""


@dataclass(frozen=True)
class Trend:
    """Of each series, in the logarithm. `level`: of its last days, at its end. `line`: where the line of all its days ends.

    `slope`, `error`: a day. `residual`: (series, days), what is left beside the slope and the steps; 0 on a day that is not known.
    """

    level: Floats
    line: Floats
    slope: Floats
    error: Floats
    residual: Floats


def trend_of(levels: Floats) -> Trend:
    """`levels`: (series, days), NaN where no hour of a day is known. The level carries the slope to the end of the last day."""
    known = ~np.isnan(levels)
    whole = filled(levels)
    slope, error, residual = _line(_without_steps(whole, known), known)
    return Trend(np.nan_to_num(_recent(levels, slope)), np.nan_to_num(_end_of_line(levels - residual, slope)), slope, error, residual)


def _end_of_line(levels: Floats, slope: Floats) -> Floats:
    """`levels`: daily, without what is left beside the line: behind the last step, the line itself. The median, for a step in the week."""
    week = levels[:, -LEVEL_DAYS:]
    return median(week + slope[:, None] * (week.shape[1] - 0.5 - np.arange(week.shape[1])))


def damped_days(horizon_h: int) -> Floats:
    """By hour ahead: how many days of the slope are added: those until the hour, damped."""
    daily = DAMPING ** (1 / 7)
    days = (np.arange(horizon_h) + 0.5) / 24
    return np.asarray((1 - daily**days) / -math.log(daily))


def chance(slope: float, error: float) -> float:
    """How often a series without a trend has such a slope, or more: two-sided, normal."""
    return math.erfc(abs(slope) / error / math.sqrt(2)) if error > 0 else float(slope == 0)


def _without_steps(whole: Floats, known: Known) -> Floats:
    steps = np.diff(whole, axis=1)
    both = known[:, 1:] & known[:, :-1]
    middle = np.nan_to_num(median(np.where(both, steps, np.nan)))[:, None]
    usual = np.nan_to_num(MAD_TO_DEVIATION * median(np.where(both, np.abs(steps - middle), np.nan)))[:, None]
    gross = np.abs(steps - middle) > STEP_DEVIATIONS * np.maximum(usual, _SLIGHTEST)
    cleaned = np.where(gross, middle, steps)
    return np.concatenate([np.zeros((len(whole), 1)), np.cumsum(cleaned, axis=1)], axis=1)


def _line(values: Floats, known: Known) -> tuple[Floats, Floats, Floats]:
    """Slope a day, its standard error, and what is left of each day (0 where it is not known)."""
    weight = known.astype(np.float64)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1)
    days = np.arange(values.shape[1], dtype=np.float64)[None, :]
    off_days = (days - (weight * days).sum(axis=1, keepdims=True) / count) * weight
    off_values = (values - (weight * values).sum(axis=1, keepdims=True) / count) * weight
    spread = np.maximum((off_days**2).sum(axis=1), 1e-9)
    slope = (off_days * off_values).sum(axis=1) / spread
    residual = off_values - slope[:, None] * off_days
    square = np.maximum((residual**2).sum(axis=1), 1e-18)
    common = np.clip((residual[:, 1:] * residual[:, :-1]).sum(axis=1) / square, 0, 0.9)
    free = np.maximum(count[:, 0] - 2, 1)
    error = np.sqrt(square / free / spread * (1 + common) / (1 - common))
    return slope, error, residual


def _recent(levels: Floats, slope: Floats) -> Floats:
    """The mean of the last seven days, each carried on by the slope, without those that stand out; of the last two, where these do.

    So a step counts from its second day on, and a single day that is an outlier never.
    """
    days = min(4 * LEVEL_DAYS, levels.shape[1])
    carried = levels[:, levels.shape[1] - days :] + slope[:, None] * (days - 0.5 - np.arange(days))
    usual = MAD_TO_DEVIATION * np.nan_to_num(median(np.abs(np.diff(carried, axis=1)))) / math.sqrt(2)
    far = STANDS_OUT * np.maximum(usual, _SLIGHTEST)[:, None]
    week, two = carried[:, -LEVEL_DAYS:], carried[:, -2:]
    beside = np.abs(week - median(week)[:, None])
    stepped = np.all(beside[:, -2:] > far, axis=1)
    level = np.where(stepped, mean(two), mean(np.where(beside <= far, week, np.nan)))
    return np.where(np.isnan(level), median(carried), level)
