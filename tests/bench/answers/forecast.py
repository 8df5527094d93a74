"""Forecasts beside what came, and days until a limit beside those of the process that made the traffic."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.crossing import crossing
from streams.insights.forecast.outlook import Outlook, outlook
from streams.insights.forecast.weekly import WEEK_H, ahead, last_season
from tests.bench.console.report import Figure, at_most
from tests.simulator.answers.forecast import AT_DAYS, FAMILIES, Traffic, growing, traffic

SERIES, LIMITED = 2_000, 500
_SMALLEST = 1.0
"""Bytes: an error of the seasonal naive below it is none."""

Floats = NDArray[np.float64]


def measure(seed: int) -> Iterator[Figure]:
    yield from figures(seed, SERIES, LIMITED)


def figures(seed: int, series: int, limited: int) -> Iterator[Figure]:
    truth = traffic(seed, series)
    begun_s = time.process_time()
    found = outlook(truth.history, WEEK_H)
    took_s = time.process_time() - begun_s
    yield from _errors(truth, found)
    for at, (level, low, high) in enumerate(((80, 75, 85), (95, 92, 98))):
        yield _held(truth, (truth.future >= found.low[at]) & (truth.future <= found.high[at]), level, low, high)
    yield at_most(f"forecast: {series:,} series, one core", 120 * series / SERIES, took_s, "s")
    yield from _days(seed, limited)


def _errors(truth: Traffic, found: Outlook) -> Iterator[Figure]:
    """Mean absolute errors over those of the last known value of the same hour of the week: 1 is no better than that."""
    naive = np.expm1(ahead(last_season(np.log1p(truth.history), WEEK_H), WEEK_H))
    ours, theirs = (np.abs(told - truth.future).mean(axis=1) for told in (found.told, naive))
    ratio = ours / np.maximum(theirs, _SMALLEST)
    of_family = {name: ratio[truth.family == at] for at, name in enumerate(FAMILIES)}
    worst = max(of_family, key=lambda name: float(of_family[name].mean()))
    high = float(of_family[worst].mean())
    beside = f"{worst}; all {ratio.mean():.2f}; single series above: {(ratio > 1.05).mean():.1%}"
    yield Figure("forecast: error over the seasonal naive's, mean of the worst family", "<= 1.05", f"{high:.2f} ({beside})", high <= 1.05)
    trend = float(np.median(of_family["trend"]))
    yield Figure("forecast: the same with a trend, median", "<= 0.90", f"{trend:.2f}", trend <= 0.9)


def _held(truth: Traffic, inside: NDArray[np.bool_], level: int, low: int, high: int) -> Figure:
    shares = [float(inside[truth.family == at].mean()) * 100 for at in range(len(FAMILIES))]
    whole = float(inside.mean()) * 100
    beside = f"families {min(shares):.1f} to {max(shares):.1f} %"
    holds = low <= min(shares) and max(shares) <= high
    return Figure(f"forecast: {level} % intervals hold, in each family", f"{low} to {high} %", f"{whole:.1f} % ({beside})", holds)


def _days(seed: int, limited: int) -> Iterator[Figure]:
    truth = growing(seed, limited)
    logs = np.log1p(truth.history)
    found = [crossing(one, WEEK_H, float(limit), "sum") for one, limit in zip(logs, truth.limits, strict=True)]
    told = [one.days for one in found if not one.refused]
    low, middle, high = (np.array([np.inf if days[at] is None else days[at] for days in told], np.float64) for at in range(3))
    error = float(np.median(np.abs(middle - AT_DAYS))) / AT_DAYS * 100
    held = float(np.mean((low <= AT_DAYS) & (high >= AT_DAYS))) * 100
    beside = f" (no trend seen: {len(found) - len(told)} of {len(found)})"
    yield at_most(f"forecast: days until a limit {AT_DAYS} days ahead, median error", 15, error, "%", beside)
    yield Figure("forecast: of those days, between the 10 and the 90 % day", "-", f"{held:.0f} %", None)
