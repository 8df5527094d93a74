"""Histograms: the bounds that everybody counts by, sums that are exact, and quantiles within a fifth of the true ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.histogram import (
    BOUNDS_US,
    BUCKETS,
    Histogram,
    histogram_of_lists,
    joined_histograms,
    quantile_us,
)

LISTS = st.lists(st.lists(st.one_of(st.just(0), st.integers(0, 2**32 - 1)), max_size=BUCKETS), max_size=6)
TIMES_US = st.one_of(st.integers(8, 1 << 26), st.floats(3.0, 26.0).map(lambda power: int(2**power)), st.sampled_from(BOUNDS_US[1:]))


def trimmed(lists: list[list[int]]) -> list[list[int]]:
    return [one[: max((at + 1 for at, count in enumerate(one) if count), default=0)] for one in lists]


def as_lists(histogram: Histogram, rows: int) -> list[list[int]]:
    offsets, values = histogram.lists(rows)
    return [part.tolist() for part in np.split(values, offsets[1:-1])] if rows else []


def bucket_of(time_us: int) -> int:
    return int(np.searchsorted(BOUNDS_US, time_us, "right")) - 1


def test_bounds_rise_by_less_than_a_half() -> None:
    assert (BUCKETS, BOUNDS_US[:6], BOUNDS_US[-1]) == (48, (0, 8, 12, 16, 23, 32), 1 << 26)
    assert all(low < high <= 1.5 * low for low, high in zip(BOUNDS_US[1:], BOUNDS_US[2:], strict=False))


@given(st.integers(0, 1 << 32))
def test_a_bucket_follows_from_the_highest_bit_and_a_square(time_us: int) -> None:
    """The rule by which the kernel counts."""
    power = max(time_us.bit_length() - 1, 0)
    rule = 0 if time_us < 8 else min(1 + 2 * (power - 3) + (time_us**2 >= 1 << (2 * power + 1)), BUCKETS - 1)
    assert bucket_of(time_us) == rule


@given(LISTS)
def test_lists_come_back(lists: list[list[int]]) -> None:
    assert as_lists(histogram_of_lists(lists), len(lists)) == trimmed(lists)


@given(LISTS, st.data())
def test_chosen_rows_keep_their_samples(lists: list[list[int]], data: st.DataObject) -> None:
    rows = data.draw(st.permutations(range(len(lists))))[: data.draw(st.integers(0, len(lists)))]
    chosen = histogram_of_lists(lists).take(np.array(rows, np.int64), len(lists))
    assert as_lists(chosen, len(rows)) == [trimmed(lists)[row] for row in rows]
    mask = np.isin(np.arange(len(lists)), rows)
    assert as_lists(histogram_of_lists(lists).take(mask, len(lists)), len(rows)) == [trimmed(lists)[row] for row in sorted(rows)]


@given(LISTS, st.data())
def test_a_part_is_the_rows_of_a_slice(lists: list[list[int]], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(lists)))
    last = data.draw(st.integers(first, len(lists)))
    assert as_lists(histogram_of_lists(lists).part(slice(first, last)), last - first) == trimmed(lists)[first:last]


@given(st.lists(LISTS, max_size=4))
def test_parts_stand_one_after_the_other(parts: list[list[list[int]]]) -> None:
    joined = joined_histograms([(histogram_of_lists(part), len(part)) for part in parts])
    every = [one for part in parts for one in part]
    assert as_lists(joined, len(every)) == trimmed(every)


@given(st.lists(TIMES_US, min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_within_a_fifth_of_the_true_one(times_us: list[int], level: float) -> None:
    samples = np.bincount([bucket_of(time_us) for time_us in times_us], minlength=BUCKETS).tolist()
    true_us = sorted(times_us)[max(int(np.ceil(level * len(times_us))) - 1, 0)]
    found_us = quantile_us(samples, level)
    assert found_us is not None and abs(found_us - true_us) <= 0.2 * true_us


def test_no_samples_have_no_quantile() -> None:
    assert quantile_us([], 0.95) is None and quantile_us([0] * BUCKETS, 0.5) is None
