"""Which of the flows that were sent are not there, and which are there more than once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.arrays import U64


@dataclass(frozen=True)
class Balance:
    """`doubled`: rows beyond the first of each flow. `strange`: rows of flows that nobody sent."""

    sent: int
    rows: int
    lost: int
    doubled: int
    strange: int


def balance(sent: U64, stored: U64) -> Balance:
    """By the flows' numbers, each of which was sent once."""
    known = stored[np.isin(stored, sent)]
    found = len(np.unique(known))
    return Balance(len(sent), len(stored), len(sent) - found, len(known) - found, len(stored) - len(known))
