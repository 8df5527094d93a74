"""Exact bounds of a share of which `bad` of `tried` are known, and a limit to what chance alone may find among many tests.

Counts may be fractions: those of a signal that comes in bursts are divided by how much more it spreads than a coin would (quasi-likelihood,
McCullagh and Nelder, Generalized Linear Models, 4.5).
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from scipy import special

from streams.insights.health.signals import Bools, Floats

CONFIDENCE = 0.995
"""Of a bound to one side."""
FALSE_DISCOVERIES = 0.02
_NEAR = -0.5
"""Of Chernoff's exponent: one standard deviation."""


def lower(bad: Floats, tried: Floats, confidence: float = CONFIDENCE) -> Floats:
    """Clopper and Pearson (1934): the share with which so many bad or more come up in 1 - CONFIDENCE of all tries. 0 where none is bad."""
    found = special.betaincinv(np.maximum(bad, 1e-9), np.maximum(tried - bad, 0) + 1, 1 - confidence)
    return np.asarray(np.where(bad > 0, found, 0.0), np.float64)


def upper(bad: Floats, tried: Floats) -> Floats:
    """The same for so many bad or fewer. 1 where all are bad, or nothing was tried."""
    good = tried - bad
    found = special.betaincinv(bad + 1, np.maximum(good, 1e-9), CONFIDENCE)
    return np.asarray(np.where(good > 0, found, 1.0), np.float64)


def so_many(bad: Floats, tried: Floats, share: Floats) -> Floats:
    """The chance of `bad` or more of `tried`, where `share` is the truth."""
    found = special.betainc(np.maximum(bad, 1e-9), np.maximum(tried - bad, 0) + 1, share)
    return np.asarray(np.where(bad > 0, found, 1.0), np.float64)


def so_many_in_bursts(bad: Floats, expected: Floats, spread: Floats) -> Floats:
    """The chance of `bad` or more, where bursts come by Poisson's law and each is as long as a geometric law says.

    A saddlepoint approximation (Lugannani and Rice 1980, for counts: Daniels 1987) to that distribution (Polya and Aeppli's), whose tail is
    as heavy as that of a single burst: counts divided by their spread would have a lighter one. Near the mean, where the approximation
    fails, Chernoff's bound. A burst of g in the mean spreads 2 g - 1 times as a Poisson count does.
    """
    size = (np.maximum(spread, 1.0) + 1) / 2
    stops, goes_on, bursts = 1 / size, 1 - 1 / size, expected / size
    middle = 2 * bad * goes_on + bursts * stops
    root = 2 * bad / (middle + np.sqrt(np.maximum(middle**2 - (2 * bad * goes_on) ** 2, 0.0)))
    tail = goes_on * root
    exponent = np.minimum(bursts * (stops * root / (1 - tail) - 1) - bad * np.log(root), 0.0)
    far = (bad > expected) & (exponent < _NEAR)
    found = np.where(bad > expected, np.exp(exponent), 1.0)
    deviation = np.sqrt(-2 * exponent[far])
    variance = (bursts * stops * root * (1 + tail) / (1 - tail) ** 3)[far]
    slope = (1 - 1 / root[far]) * np.sqrt(variance)
    found[far] = special.ndtr(-deviation) + found[far] / sqrt(2 * pi) * (1 / slope - 1 / deviation)
    return np.asarray(found, np.float64)


def so_few(bad: Floats, tried: Floats, share: Floats) -> Floats:
    """The chance of `bad` or fewer of `tried`, where `share` is the truth."""
    good = tried - bad
    found = special.betainc(np.maximum(good, 1e-9), bad + 1, 1 - share)
    return np.asarray(np.where(good > 0, found, 1.0), np.float64)


def discoveries(chances: Floats, tests: int) -> Bools:
    """Which of the tests are no chance: Benjamini and Hochberg (1995), FALSE_DISCOVERIES of them at most false.

    `chances`: of those tests that are below 1; there were `tests` in all.
    """
    order = np.sort(chances)
    passed = np.flatnonzero(order <= FALSE_DISCOVERIES * np.arange(1, len(order) + 1) / max(tests, 1))
    return chances <= order[passed[-1]] if len(passed) else np.zeros(len(chances), np.bool_)
