"""Bounds are those of the binomial law itself, and the chance of bursts is never told too low."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.insights.health import bounds


def binomial(tried: int, share: float) -> list[float]:
    return [comb(tried, bad) * share**bad * (1 - share) ** (tried - bad) for bad in range(tried + 1)]


def one(value: float) -> np.ndarray:
    return np.array([value], np.float64)


counts = st.integers(1, 60).flatmap(lambda tried: st.tuples(st.integers(0, tried), st.just(tried)))


@given(counts, st.floats(0.001, 0.999))
def test_chances_are_sums_of_the_binomial_law(count: tuple[int, int], share: float) -> None:
    bad, tried = count
    law = binomial(tried, share)
    assert bounds.so_many(one(bad), one(tried), one(share))[0] == pytest.approx(sum(law[bad:]), abs=1e-9)
    assert bounds.so_few(one(bad), one(tried), one(share))[0] == pytest.approx(sum(law[: bad + 1]), abs=1e-9)


@given(counts)
def test_at_its_bounds_a_share_shows_what_was_seen_just_so_often(count: tuple[int, int]) -> None:
    bad, tried = count
    low, high = bounds.lower(one(bad), one(tried))[0], bounds.upper(one(bad), one(tried))[0]
    assert low <= bad / tried <= high
    rare = 1 - bounds.CONFIDENCE
    assert low == 0 if bad == 0 else sum(binomial(tried, low)[bad:]) == pytest.approx(rare, rel=1e-6)
    assert high == 1 if bad == tried else sum(binomial(tried, high)[: bad + 1]) == pytest.approx(rare, rel=1e-6)


def test_one_failure_of_two_says_little() -> None:
    assert bounds.lower(one(1), one(2))[0] < 0.01


@pytest.mark.parametrize(("expected", "size", "bad"), [(6, 3, 30), (0.6, 3, 15), (30, 3, 80), (5, 1, 14), (2, 10, 60)])
def test_bursts_are_given_their_tail(expected: float, size: int, bad: int) -> None:
    random = np.random.default_rng(7)
    bursts = random.poisson(expected / size, 400_000)
    longer = random.negative_binomial(np.maximum(bursts, 1), 1 / size) * (bursts > 0)
    truth = float((bursts + longer >= bad).mean())
    told = bounds.so_many_in_bursts(one(bad), one(expected), one(2 * size - 1))[0]
    assert 0.8 * truth < told < 1.5 * truth


@given(st.lists(st.floats(1e-9, 0.0099), min_size=1, max_size=30), st.integers(30, 5_000))
def test_discoveries_are_all_up_to_the_last_that_is_below_its_line(chances: list[float], tests: int) -> None:
    ordered = sorted(chances)
    below = [chance for place, chance in enumerate(ordered, 1) if chance <= bounds.FALSE_DISCOVERIES * place / tests]
    wanted = [chance <= below[-1] for chance in chances] if below else [False] * len(chances)
    assert bounds.discoveries(np.array(chances), tests).tolist() == wanted
