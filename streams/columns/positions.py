"""Where numbers stand in a column, found without sorting or hashing it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64


class Positions:
    """A sparse set, which is never cleared: Briggs and Torczon, "An Efficient Representation for Sparse Sets" (1993).

    Four bytes for each number up to the largest.
    """

    def __init__(self) -> None:
        self._row_of: NDArray[np.int32] = np.zeros(0, np.int32)

    @property
    def memory_bytes(self) -> int:
        return self._row_of.nbytes

    def find(self, column: I64, wanted: I64) -> I64:
        """For each of `wanted` a row of `column` with that number, -1 where there is none. No number is below 0, and none very large."""
        if not len(column) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        limit = max(int(column.max()), int(wanted.max())) + 1
        if limit > len(self._row_of):
            self._row_of = np.zeros(limit + limit // 4, np.int32)
        self._row_of[column] = np.arange(len(column), dtype=np.int32)
        # Of numbers that are not in the column an earlier one may have left any row.
        row = np.minimum(self._row_of[wanted], len(column) - 1).astype(np.int64)
        row[column[row] != wanted] = -1
        return row
