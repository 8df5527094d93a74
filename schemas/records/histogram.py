"""Histograms of times with fixed bounds: samples by bucket, which are summed exactly and give quantiles within 20 % of the true ones.

Bucket 0 has what is below 8 us. From there on the bounds are the powers of two and, in between, times the square root of two, rounded up;
the last bucket has all from 67 s (2^26 us) on. bpf/weir.h counts by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U32

_LOWEST_POWER, _HIGHEST_POWER = 3, 26


def _bounds() -> tuple[int, ...]:
    found = [0]
    for power in range(_LOWEST_POWER, _HIGHEST_POWER):
        found += [1 << power, isqrt((1 << 2 * power + 1) - 1) + 1]
    return (*found, 1 << _HIGHEST_POWER)


BOUNDS_US = _bounds()
"""The lower bound of each bucket, in microseconds; a bucket ends where the next one begins."""
BUCKETS = len(BOUNDS_US)


@dataclass(frozen=True)
class Histogram:
    """The samples of n flows, flow by flow: row `row[i]` of the flows has `samples[i]` in bucket `bucket[i]`.

    Sorted by row and bucket, each pair once, no sample count is 0. A flow that is in no row has no samples.
    """

    row: U32
    bucket: U8
    samples: U32

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[Any], of: int) -> Histogram:
        """For the rows that an index array without repeats or a boolean mask selects of `of` flows, in that order."""
        chosen = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        place = np.full(of, -1, np.int64)
        place[chosen] = np.arange(len(chosen))
        row = place[self.row]
        kept = np.flatnonzero(row >= 0)
        kept = kept[np.argsort(row[kept], kind="stable")]
        return Histogram(row[kept].astype(np.uint32), self.bucket[kept], self.samples[kept])

    def part(self, rows: slice) -> Histogram:
        """For neighbouring rows, without copies of more than their numbers."""
        mine = slice(*np.searchsorted(self.row, (rows.start, rows.stop)).tolist())
        return Histogram(self.row[mine] - np.uint32(rows.start), self.bucket[mine], self.samples[mine])

    def lengths(self, rows: int) -> I64:
        """In how many buckets each of the flows has samples."""
        return np.bincount(self.row, minlength=rows).astype(np.int64)

    def lists(self, rows: int) -> tuple[I64, U32]:
        """As a list a flow of samples by bucket, up to the last that has any: n + 1 offsets, and the values."""
        sizes = np.zeros(rows, np.int64)
        sizes[self.row] = self.bucket.astype(np.int64) + 1  # of a flow's buckets the last stands last
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        values = np.zeros(int(offsets[-1]), np.uint32)
        values[offsets[self.row] + self.bucket] = self.samples
        return offsets, values


def quantile_us(samples: Sequence[int], level: float) -> float | None:
    """The time that a share `level` of the samples (by bucket) does not exceed, within 20 % from 8 us on; None: there are no samples.

    A bucket stands for the value that is equally wrong, as a share, at both of its bounds.
    """
    total, below = sum(samples), 0
    for bucket, count in enumerate(samples):
        below += count
        if count and below >= level * total:
            low, high = BOUNDS_US[bucket], BOUNDS_US[min(bucket + 1, BUCKETS - 1)]
            return 2 * low * high / (low + high) if bucket else high / 2
    return None


def empty_histogram() -> Histogram:
    return Histogram(np.zeros(0, np.uint32), np.zeros(0, np.uint8), np.zeros(0, np.uint32))


def histogram_of_lists(lists: Sequence[Sequence[int]]) -> Histogram:
    """Of a list a flow of samples by bucket. The numbers are below 2^32, the lists no longer than BUCKETS."""
    sizes = np.fromiter(map(len, lists), np.int64, len(lists))
    values = np.fromiter((value for one in lists for value in one), np.uint32, int(sizes.sum()))
    row = np.repeat(np.arange(len(lists)), sizes)
    bucket = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held = np.flatnonzero(values)
    return Histogram(row[held].astype(np.uint32), bucket[held].astype(np.uint8), values[held])


def joined_histograms(parts: Sequence[tuple[Histogram, int]]) -> Histogram:
    """Of flows that stand one after the other; each part with the number of its flows."""
    if not parts:
        return empty_histogram()
    begins = np.cumsum([0, *(rows for _, rows in parts)])
    row = np.concatenate([part.row + np.uint32(begin) for (part, _), begin in zip(parts, begins, strict=False)])
    bucket = np.concatenate([part.bucket for part, _ in parts])
    return Histogram(row, bucket, np.concatenate([part.samples for part, _ in parts]))
