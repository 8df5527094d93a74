"""Bounds are those of the binomial law itself, and the chance of bursts is never told too low."""

from __future__ import annotations

from math import comb, exp, lgamma

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


def log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@given(counts, st.integers(1, 5_000).flatmap(lambda tried: st.tuples(st.integers(0, tried), st.just(tried))))
def test_after_a_past_the_chance_is_that_of_the_beta_binomial_law(count: tuple[int, int], past: tuple[int, int]) -> None:
    """Never told too low; and as it is where that matters: a chance that is small, and a share that is not."""
    (bad, tried), (past_bad, past_tried) = count, past
    of_past = past_bad + 0.5, past_tried - past_bad + 0.5
    law = (comb(tried, n) * exp(log_beta(n + of_past[0], tried - n + of_past[1]) - log_beta(*of_past)) for n in range(bad, tried + 1))
    truth = sum(law)
    told = bounds.so_many_after(one(bad), one(tried), one(past_bad), one(past_tried))[0]
    assert told > 0.9 * truth or not 1e-9 < truth < 0.1
    if past_bad > 0.02 * past_tried and truth < 0.01 and told > 1e-9:
        assert told < 2 * truth


def test_a_past_of_few_bad_ones_makes_many_less_odd() -> None:
    """By the share of 6 of 2,705 alone, 60 of 6,600 would be odder than by all that it may be."""
    by_share = bounds.so_many(one(60), one(6_600), one(6 / 2_705))[0]
    assert bounds.so_many_after(one(60), one(6_600), one(6), one(2_705))[0] > 1_000 * by_share
    assert bounds.so_many_after(one(60), one(6_600), one(6_000), one(2_705_000))[0] == pytest.approx(by_share, rel=0.5)


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


def test_one_discovery_in_a_hundred_is_false_at_most() -> None:
    assert bounds.discoveries(np.array([0.99e-4]), 100).tolist() == [True]
    assert bounds.discoveries(np.array([1.01e-4]), 100).tolist() == [False]
