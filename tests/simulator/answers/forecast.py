"""Hourly traffic whose truth is known: a week's shape, trends, steps, gaps, outliers and hours of nothing, as a seed has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FAMILIES = ("week", "trend", "step", "gap", "outlier", "zero", "mixed")
WEEK_H = 168


@dataclass(frozen=True)
class Traffic:
    """`history`: (series, hours), NaN in a gap. `future`: what comes after it. `family`: of each series, its place in FAMILIES.

    `growth`: of the logarithm, a week.
    """

    history: Floats
    future: Floats
    family: NDArray[np.intp]
    growth: Floats


def traffic(seed: int, series: int, weeks: int = 8, ahead_h: int = WEEK_H) -> Traffic:
    """As many of each family, one after the other."""
    rng = np.random.default_rng(seed)
    hours = weeks * WEEK_H
    family = np.arange(series) % len(FAMILIES)
    is_a = {name: np.isin(family, [at, *([len(FAMILIES) - 1] if name != "zero" else [])]) for at, name in enumerate(FAMILIES)}
    growth = np.where(is_a["trend"], rng.uniform(0, 0.03, series), 0.0)
    time = np.arange(hours + ahead_h)
    logs = _level(rng, series) + _shape(rng, series, time) + growth[:, None] * time / WEEK_H + _noise(rng, series, len(time))
    logs += _steps(rng, is_a["step"], hours, len(time))
    values = np.floor(np.exp(logs))
    values = np.where(_nothing(rng, is_a["zero"], time), 0.0, values)
    values[:, :hours] *= _outliers(rng, is_a["outlier"], hours)
    history = np.where(_gaps(rng, is_a["gap"], hours), np.nan, values[:, :hours])
    return Traffic(history, values[:, hours:], family, growth)


def _level(rng: np.random.Generator, series: int) -> Floats:
    """From kilobytes to terabytes an hour."""
    return rng.uniform(np.log(1e4), np.log(1e11), (series, 1))


def _shape(rng: np.random.Generator, series: int, time: NDArray[np.intp]) -> Floats:
    """Day and night, two peaks, and a quieter weekend."""
    hour, day = time % 24, time // 24 % 7
    depth, second, weekend = rng.uniform(0.1, 1.2, (series, 1)), rng.uniform(0, 0.4, (series, 1)), rng.uniform(0, 0.8, (series, 1))
    peak, first = rng.uniform(0, 24, (series, 1)), rng.integers(0, 7, (series, 1))
    angle = 2 * np.pi * (hour[None, :] - peak) / 24
    return depth * np.cos(angle) + second * np.cos(2 * angle) - weekend * ((day[None, :] + first) % 7 >= 5)


def _noise(rng: np.random.Generator, series: int, hours: int) -> Floats:
    """An AR(1) from hour to hour, and one from day to day."""
    return (
        _autoregressive(rng, series, hours, rng.uniform(0.1, 0.4, series), rng.uniform(0, 0.7, series))
        + np.repeat(_autoregressive(rng, series, -(-hours // 24), rng.uniform(0, 0.08, series), rng.uniform(0, 0.6, series)), 24, axis=1)[
            :, :hours
        ]
    )


def _autoregressive(rng: np.random.Generator, series: int, steps: int, deviation: Floats, common: Floats) -> Floats:
    shocks = rng.standard_normal((steps, series)) * deviation * np.sqrt(1 - common**2)
    found = np.empty((steps, series))
    found[0] = rng.standard_normal(series) * deviation
    for at in range(1, steps):
        found[at] = common * found[at - 1] + shocks[at]
    return found.T


def _steps(rng: np.random.Generator, chosen: NDArray[np.bool_], hours: int, length: int) -> Floats:
    """One or two deployments within the history that change the level for good, by a third to four times."""
    found = np.zeros((len(chosen), length))
    for _ in range(2):
        at = rng.integers(0, hours, len(chosen))
        size = rng.choice([-1, 1], len(chosen)) * rng.uniform(0.3, 1.4, len(chosen))
        size = np.where(chosen & (rng.random(len(chosen)) < 0.75), size, 0)
        found += np.where(np.arange(length)[None, :] >= at[:, None], size[:, None], 0)
    return found


def _gaps(rng: np.random.Generator, chosen: NDArray[np.bool_], hours: int) -> NDArray[np.bool_]:
    """Single hours, and two outages of up to five days."""
    found = (rng.random((len(chosen), hours)) < 0.02) & chosen[:, None]
    for _ in range(2):
        at, long = rng.integers(0, hours, len(chosen)), rng.integers(6, 120, len(chosen))
        time = np.arange(hours)[None, :]
        found |= (time >= at[:, None]) & (time < (at + long)[:, None]) & chosen[:, None]
    return found


def _outliers(rng: np.random.Generator, chosen: NDArray[np.bool_], hours: int) -> Floats:
    """One hour in two hundred is five to fifty times as large; one day is three times."""
    found = np.where(rng.random((len(chosen), hours)) < 0.005, rng.uniform(5, 50, (len(chosen), hours)), 1.0)
    at = rng.integers(0, hours // 24, len(chosen))
    found *= np.where(np.arange(hours)[None, :] // 24 == at[:, None], 3.0, 1.0)
    return np.where(chosen[:, None], found, 1.0)


def _nothing(rng: np.random.Generator, chosen: NDArray[np.bool_], time: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Half of these run at some hours of the day alone, half of them at chance, in three to nine hours of ten not at all."""
    series = len(chosen)
    job = (time[None, :] + rng.integers(0, 24, (series, 1))) % 24 >= rng.integers(1, 6, (series, 1))
    chance = rng.random((series, len(time))) < rng.uniform(0.3, 0.9, (series, 1))
    return np.where(rng.random((series, 1)) < 0.5, job, chance) & chosen[:, None]


@dataclass(frozen=True)
class Growing:
    """`history`: (series, hours). `limits`: of a day's sum: half of the futures are beyond it for two days in a row by day AT_DAYS."""

    history: Floats
    limits: Floats


AT_DAYS, FUTURES = 30, 200


def growing(seed: int, series: int, weeks: int = 8) -> Growing:
    """One to three per cent a week, and limits whose day is known from the truth: from futures that the same process may have."""
    rng = np.random.default_rng(seed)
    hours, after = weeks * WEEK_H, (AT_DAYS + 2) * 24
    time = np.arange(hours + after)
    growth = rng.uniform(0.01, 0.03, (series, 1))
    logs = _level(rng, series) + _shape(rng, series, time) + growth * time / WEEK_H
    deviation, common, of_days = rng.uniform(0.05, 0.15, series), rng.uniform(0, 0.5, series), rng.uniform(0, 0.02, series)
    history = logs[:, :hours] + _autoregressive(rng, series, hours, deviation, common)
    history += np.repeat(_autoregressive(rng, series, hours // 24, of_days, np.zeros(series)), 24, axis=1)
    limits = np.empty(series)
    for at in range(series):
        noise = _autoregressive(rng, FUTURES, after, np.full(FUTURES, deviation[at]), np.full(FUTURES, common[at]))
        noise += np.repeat(rng.standard_normal((FUTURES, after // 24)) * of_days[at], 24, axis=1)
        sums = np.exp(logs[at, hours:] + noise).reshape(FUTURES, -1, 24).sum(axis=-1)
        both = np.minimum(sums[:, :-1], sums[:, 1:])[:, : AT_DAYS + 1]
        limits[at] = np.median(both.max(axis=1))
    return Growing(np.floor(np.exp(history)), limits)
