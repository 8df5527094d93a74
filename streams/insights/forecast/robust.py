"""Medians and quantiles of matrices that have gaps: NaN is what is not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAD_TO_DEVIATION = 1.4826
"""The standard deviation of normal numbers over their median absolute deviation."""


def median(values: Floats, axis: int = -1) -> Floats:
    """Over what is known along the axis; NaN where nothing is. (numpy's own goes row by row.)"""
    return quantiles(values, np.array([0.5]), axis)[..., 0]


def quantiles(values: Floats, levels: Floats, axis: int = -1) -> Floats:
    """Linear between the two nearest of what is known. The levels are the last axis: one row of them, or one for each row of values."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    place = np.clip(levels, 0, 1) * np.maximum(known - 1, 0)
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(known - 1, 0))
    below, above = (np.take_along_axis(ordered, at, -1) for at in (low, high))
    return np.asarray(below + (above - below) * (place - low))


def mean(values: Floats, axis: int | tuple[int, ...] = -1) -> Floats:
    """Over what is known along the axis; NaN where nothing is."""
    known = ~np.isnan(values)
    count = np.count_nonzero(known, axis=axis)
    total = np.sum(np.where(known, values, 0.0), axis=axis)
    found: Floats = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return found


def filled(values: Floats) -> Floats:
    """Each gap along the last axis as what was known before it, and before all that is known, as the first that is."""
    return _carried(_carried(values)[..., ::-1])[..., ::-1]


def _carried(values: Floats) -> Floats:
    at = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(at, axis=-1), -1))
