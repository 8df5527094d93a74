"""Sorting of integer columns by quicksort, which takes a fifth of the time of a stable sort, and a twentieth of what numpy.unique takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64

_BITS = 62
_TABLE = 1 << 19


def distinct(values: I64) -> I64:
    """The different values, ascending."""
    ordered = np.sort(values)
    kept = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    found: I64 = ordered[kept]
    return found


def numbered(values: I64, size: int) -> tuple[I64, I64]:
    """The different values, ascending, and which of them each row has. Values lie in [0, size): where that is small, nothing is sorted."""
    if size > _TABLE:
        found = distinct(values)
        return found, np.searchsorted(found, values)
    table = np.zeros(size, np.int64)
    table[values] = 1
    found = np.flatnonzero(table)
    table[found] = np.arange(len(found))
    return found, table[values]


def repeated(values: I64) -> NDArray[np.bool_]:
    """Rows whose value stands in another row as well."""
    ordered = np.sort(values)
    twice = distinct(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(twice, values), len(twice) - 1)
    found: NDArray[np.bool_] = twice[at] == values
    return found


def order_by(first: I64, second: I64) -> I64:
    """Ascending by the first column, then by the second; equal rows in any order. Neither is below 0."""
    if not len(first):
        return np.zeros(0, np.int64)
    least = second.min()
    bits = int(second.max() - least).bit_length()
    if bits + int(first.max()).bit_length() <= _BITS:
        order: I64 = np.argsort(first << bits | (second - least))
        return order
    return np.lexsort((second, first))
