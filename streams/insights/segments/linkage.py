"""Average linkage (Sokal and Michener 1958) by chains of nearest neighbours (Murtagh 1983): time and memory go with the rows squared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.segments.features import Floats, Ints


@dataclass(frozen=True)
class Tree:
    """`mergers`: rows - 1 x 2, by height: a row of each of the two groups that became one. `heights`: how far apart these were."""

    mergers: Ints
    heights: Floats

    def groups(self, count: int) -> Ints:
        """A number for each row, the same for rows of one of `count` groups."""
        owner = list(range(len(self.mergers) + 1))
        for one, other in self.mergers[: len(owner) - count].tolist():
            owner[_root(owner, one)] = _root(owner, other)
        return np.array([_root(owner, row) for row in range(len(owner))], np.int64)

    def within(self, distance: float) -> int:
        """How many groups are left when those that are no further apart are merged."""
        return len(self.heights) + 1 - int(np.searchsorted(self.heights, distance, "right"))


def _root(owner: list[int], row: int) -> int:
    while owner[row] != row:
        owner[row] = owner[owner[row]]
        row = owner[row]
    return row


def tree(alike: Floats) -> Tree:
    """`alike`: rows x rows, 0 to 1. It is used up: distances are kept in its place."""
    count = len(alike)
    apart = np.subtract(1, alike, out=alike)
    np.fill_diagonal(apart, np.inf)
    sizes = np.ones(count)
    mergers, heights = np.empty((max(count - 1, 0), 2), np.int64), np.empty(max(count - 1, 0))
    chain: list[int] = []
    is_open: NDArray[np.bool_] = np.ones(count, bool)
    for at in range(len(heights)):
        one, other = _neighbours(apart, chain or [int(is_open.argmax())])
        chain = one[:-2]
        first, second = one[-1], other
        mergers[at], heights[at] = (first, second), apart[first, second]
        whole = sizes[first] + sizes[second]
        mean = (sizes[first] * apart[first] + sizes[second] * apart[second]) / whole
        apart[second], apart[:, second] = mean, mean
        apart[second, second] = np.inf
        apart[first], apart[:, first] = np.inf, np.inf
        sizes[second], is_open[first] = whole, False
    order = np.argsort(heights, kind="stable")
    return Tree(mergers[order], heights[order])


def _neighbours(apart: Floats, chain: list[int]) -> tuple[list[int], int]:
    """The chain as far as its last two groups are each other's nearest, and the last but one."""
    while True:
        row = apart[chain[-1]]
        nearest = int(row.argmin())
        if len(chain) > 1 and row[chain[-2]] <= row[nearest]:
            return chain, chain[-2]
        chain.append(nearest)
