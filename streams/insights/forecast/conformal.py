"""Intervals from what was told wrongly before: split conformal (Papadopoulos et al., 2002; Vovk et al., 2005), by how far ahead it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.robust import Floats, quantiles
from streams.insights.forecast.weekly import WEEK_H

LEVELS = (0.80, 0.95)
MARGIN = 1.4
"""Over the number of origins: by this share an interval may miss less than its level says, as few of them say little, and they overlap."""
FEWEST = 3
"""Origins of a block of its own."""
BLOCKS_H = (24, 72, 168)
"""Where a block of hours ahead ends; behind the first week, each week is one."""


@dataclass(frozen=True)
class Interval:
    """(series, hours ahead), in the logarithm."""

    low: Floats
    high: Floats


def blocks(horizon_h: int) -> list[slice]:
    ends = [end for end in (*BLOCKS_H, *range(2 * WEEK_H, horizon_h, WEEK_H)) if end < horizon_h] + [horizon_h]
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def interval(told: Floats, left: NDArray[np.float32], level: float) -> Interval:
    """`told`: (series, hours ahead). `left`: (origins, series, hours ahead), of the way that each series goes.

    Where the interval begins at nothing, below which no traffic is, all that it may miss is above it. Behind the first week it does not
    become narrower; a block that too few origins reach has that of the one before it, wider by the root of the distance.
    """
    low, high = told.copy(), told.copy()
    reach, middle = np.zeros((3, len(told), 1)), 1.0
    for block in blocks(told.shape[1]):
        here = (block.start + block.stop) / 2
        own, is_enough = _reach(left[:, :, block], 1 - level)
        wider = reach * np.where(is_enough, block.start >= WEEK_H, np.sqrt(here / middle))
        reach, middle = np.where(np.abs(wider) > np.abs(own), wider, own), here
        down, one_sided, up = reach
        low[:, block] = np.maximum(told[:, block] + down, 0)
        high[:, block] += np.where(low[:, block] > 0, up, one_sided)
    return Interval(low, high)


def _reach(left: NDArray[np.float32], missed: float) -> tuple[Floats, NDArray[np.bool_]]:
    """(down, up on one side, up; series; 1): quantiles over the origins and hours of a block; and (series, 1), whether they are enough."""
    series = left.shape[1]
    flat = np.moveaxis(left, 1, 0).reshape(series, -1).astype(np.float64)
    origins = np.count_nonzero(~np.isnan(flat), axis=1) / left.shape[2]
    may = missed * (1 - MARGIN / np.maximum(origins, FEWEST))
    levels = np.stack([may / 2, 1 - may, 1 - may / 2], axis=1)
    found = np.nan_to_num(quantiles(flat, levels)).T[:, :, None]
    return np.concatenate([np.minimum(found[:1], 0), np.maximum(found[1:], 0)]), (origins >= FEWEST)[:, None]
