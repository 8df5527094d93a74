"""Which hours are not known: too much of them was lost, or too few agents told of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.forecast.robust import Floats

LOST, UNREPORTED = 0.01, 0.1


@dataclass(frozen=True)
class Hours:
    """By hour. `told_s`: seconds that nodes told of, summed over the nodes; `expected_s`: the same if none had been silent between its
    first and its last hour. `lost`: the share of the bytes, or of the packets, whichever is more, that is known not to have been counted.
    `counted`: whether anything was.
    """

    told_s: Floats
    expected_s: Floats
    lost: Floats
    counted: NDArray[np.bool_]


def gaps(hours: Hours) -> NDArray[np.bool_]:
    """By hour: where more than one per cent was lost, or nodes were silent for more than a tenth of their time.

    Before the first hour of which it is known who told, an hour is known where anything was counted: that nodes reported is kept for
    shorter than what they counted.
    """
    is_told = np.maximum.accumulate(hours.expected_s > 0)
    enough = hours.told_s > (1 - UNREPORTED) * hours.expected_s
    return np.asarray((hours.lost > LOST) | ~np.where(is_told, enough & (hours.expected_s > 0), hours.counted))
