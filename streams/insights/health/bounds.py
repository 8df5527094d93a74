"""Exact bounds of a share of which `bad` of `tried` are known, and a limit to what chance alone may find among many tests.

Counts may be fractions: those of a signal that comes in bursts are divided by how much more it spreads than a coin would (quasi-likelihood,
McCullagh and Nelder, Generalized Linear Models, 4.5).

Loading scipy takes as long as a question: who finds nothing that is worth an exact look does without.
"""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from streams.insights.health.signals import Bools, Floats

CONFIDENCE = 0.995
"""Of a bound to one side."""
FALSE_DISCOVERIES = 0.01
_NEAR = -0.5
"""Of Chernoff's exponent: one standard deviation."""
_CERTAIN, _RARE = 1e-9, 0.02
_NODES = np.linspace(0.0, 1.0, 24)[:, None]


def lower(bad: Floats, tried: Floats, confidence: float = CONFIDENCE) -> Floats:
    """Clopper and Pearson (1934): the share with which so many bad or more come up in 1 - CONFIDENCE of all tries. 0 where none is bad."""
    from scipy import special

    found = special.betaincinv(np.maximum(bad, 1e-9), np.maximum(tried - bad, 0) + 1, 1 - confidence)
    return np.asarray(np.where(bad > 0, found, 0.0), np.float64)


def upper(bad: Floats, tried: Floats) -> Floats:
    """The same for so many bad or fewer. 1 where all are bad, or nothing was tried."""
    from scipy import special

    good = tried - bad
    found = special.betaincinv(bad + 1, np.maximum(good, 1e-9), CONFIDENCE)
    return np.asarray(np.where(good > 0, found, 1.0), np.float64)


def highest(bad: Floats, tried: Floats, confidence: float) -> Floats:
    """Of a share's own distribution once so many were seen: it is no higher with this confidence."""
    from scipy import special

    return np.asarray(special.betaincinv(bad + 1, tried - bad, confidence), np.float64)


def so_many(bad: Floats, tried: Floats, share: Floats) -> Floats:
    """The chance of `bad` or more of `tried`, where `share` is the truth."""
    from scipy import special

    found = special.betainc(np.maximum(bad, 1e-9), np.maximum(tried - bad, 0) + 1, share)
    return np.asarray(np.where(bad > 0, found, 1.0), np.float64)


def so_many_after(bad: Floats, tried: Floats, past_bad: Floats, past_tried: Floats) -> Floats:
    """The chance of `bad` or more of `tried` after `past_bad` of `past_tried`, by all that the share may be: the beta-binomial law.

    With Jeffreys' prior (1946). Where bad ones are rare that is the negative binomial law (Poisson's, with a gamma prior); elsewhere this
    gives too high a chance, and still does where even that is next to none: the other law is dear.
    """
    from scipy import special

    found = special.betainc(np.maximum(bad, 1e-9), past_bad + 0.5, tried / (tried + past_tried))
    near = (found > _CERTAIN) & (past_bad > _RARE * past_tried)
    found[near] = _beta_binomial(*(part[near] for part in (bad, tried, past_bad, past_tried)))
    return np.asarray(np.where(bad > 0, found, 1.0), np.float64)


def _beta_binomial(bad: Floats, tried: Floats, past_bad: Floats, past_tried: Floats) -> Floats:
    """The integral is a sum over equal steps of the share's log odds, from those of the past to those of now."""
    from scipy import special

    past, now = _log_odds(past_bad, past_tried), _log_odds(bad, tried)
    low, far = past[0] - 3 * past[1], past[0] + 10 * past[1]
    high = np.minimum(far, np.maximum(past[0], now[0]) + 3 * now[1] + 2 * past[1])
    odds = low + _NODES * (high - low)
    bad_ones, good_ones = past_bad + 0.5, past_tried - past_bad + 0.5
    density = np.exp(bad_ones * special.log_expit(odds) + good_ones * special.log_expit(-odds) - special.betaln(bad_ones, good_ones))
    found = (density * so_many(bad, tried, special.expit(odds))).sum(axis=0) * (high - low) / (len(_NODES) - 1)
    return np.asarray(np.minimum(found, 1.0), np.float64)


def _log_odds(bad: Floats, tried: Floats) -> tuple[Floats, Floats]:
    """About where they lie by so many bad, and their standard deviation."""
    good = tried - bad + 0.5
    bad = bad + 0.5
    return np.log(bad / good), np.sqrt(1 / bad + 1 / good)


def so_many_in_bursts(bad: Floats, expected: Floats, spread: Floats) -> Floats:
    """The chance of `bad` or more, where bursts come by Poisson's law and each is as long as a geometric law says.

    A saddlepoint approximation (Lugannani and Rice 1980, for counts: Daniels 1987) to that distribution (Polya and Aeppli's), whose tail is
    as heavy as that of a single burst: counts divided by their spread would have a lighter one. Near the mean, where the approximation
    fails, Chernoff's bound. A burst of g in the mean spreads 2 g - 1 times as a Poisson count does.
    """
    from scipy import special

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
    from scipy import special

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
