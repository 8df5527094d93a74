"""Which hours are not known: too much of them was lost, or too few agents told of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sinks.queries.reported_hours import ReportedHours

LOST, SILENT = 0.01, 0.1


def gaps(hours: ReportedHours) -> NDArray[np.bool_]:
    """By hour: where more than one per cent was lost, or nodes were silent for more than a tenth of their time.

    Before the first hour that a node is known to have told of, an hour is known where anything was counted: who told is kept for shorter
    than what was.
    """
    told_of = np.maximum.accumulate(hours.expected_s > 0)
    told = (hours.expected_s > 0) & (hours.told_s >= (1 - SILENT) * hours.expected_s)
    return np.asarray((hours.lost > LOST) | ~np.where(told_of, told, hours.counted))
