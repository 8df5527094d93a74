"""The as-of search: for every flow at once, who held its address from its first packet to its last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U32
from streams.ownership.intervals import NOBODY, SEVERAL
from streams.ownership.leases import LeaseTable
from streams.ownership.ragged import RaggedArray

NEVER, GAP, AMBIGUOUS, NAMED = 0, 1, 2, 3
"""The address was never spoken for; it was, but not for all of this time; several owners are in reach; one held it."""

REACH = 2
"""Times the skew: another owner who is as near to a flow leaves it without a name."""


@dataclass(frozen=True)
class Tolerance:
    """How surely a range must hold a flow. `skew_us`: how far clocks may be apart. `margin_us`: by how much the range must outlast
    the flow at both ends; below 0, down to -skew_us, it may fall short of it.

    Where all knowledge begins (`from_us`) and ends (`until_us`), a range may fall short of the flow by the skew: it begins
    or ends there only because nobody listened before, or has spoken since.

    An instant on the border of a window (`window_us`) stands for "some time in it": nobody measured it. A range that reaches
    as far as the border holds all of the window, which is all that is claimed.

    Another owner within `reach_us` of the flow leaves it without a name. That is more than the skew: so clocks that are further
    apart than they may be, up to that, give fewer names where both owners were heard, and not wrong ones.
    """

    skew_us: int
    margin_us: int
    from_us: int
    until_us: int
    window_us: int

    @property
    def reach_us(self) -> int:
        return REACH * self.skew_us

    def reaches(self, start_us: I64, end_us: I64, first_us: I64, last_us: I64, times: int = REACH) -> NDArray[np.bool_]:
        """Whether clocks that differ by `times` the skew could have put some of the range into the flow's time."""
        by_us = times * self.skew_us
        reached: NDArray[np.bool_] = (start_us <= last_us + by_us) & (end_us > first_us - by_us)
        return reached

    def covers(self, start_us: I64, end_us: I64, first_us: I64, last_us: I64) -> NDArray[np.bool_]:
        before, after = (np.where(instant % self.window_us == 0, min(0, self.margin_us), self.margin_us) for instant in (first_us, last_us))
        before = np.where(start_us <= self.from_us + self.skew_us, -self.skew_us, before)
        after = np.where(end_us >= self.until_us - self.skew_us, -self.skew_us, after)
        reached = np.where(last_us % self.window_us == 0, last_us - 1, last_us)
        covered: NDArray[np.bool_] = (start_us + before <= first_us) & (reached < end_us - after)
        return covered


@dataclass(frozen=True)
class Found:
    """Per row a state, the owner where NAMED, and the one owner `near` (NOBODY, SEVERAL) within reach of the flow.

    `node`: who said so of all pieces within reach (NOBODY, SEVERAL).
    """

    state: U8
    owner: U32
    near: U32
    node: U32


def as_of(pieces: RaggedArray, leases: LeaseTable, ids: I64, first_us: I64, last_us: I64, tolerance: Tolerance) -> Found:
    """`pieces`: lists of disjoint, sorted `start_us`, `end_us`, `owner`, `node`; a list's last end may be one of the `leases`. `ids` below
    0 are unknown addresses.

    An owner is in reach if it held the address at any instant of [first - reach, last + reach]; two in reach are AMBIGUOUS.
    One in reach is NAMED if a single piece of it covers the flow within the tolerance.
    """
    state, owner = np.zeros(len(ids), np.uint8), np.full(len(ids), NOBODY, np.uint32)
    near, node = owner.copy(), owner.copy()
    rows = np.flatnonzero(ids >= 0)
    rows = rows[pieces.counts[ids[rows]] > 0]
    if rows.size:
        low = pieces.offsets[ids[rows]]
        high = low + pieces.counts[ids[rows]]
        state[rows], near[rows], node[rows] = _judge(pieces, leases, low, high, (first_us[rows], last_us[rows]), tolerance)
        named = state == NAMED
        owner[named] = near[named]
    return Found(state, owner, near, node)


def _judge(
    pieces: RaggedArray, leases: LeaseTable, low: I64, high: I64, span: tuple[I64, I64], tolerance: Tolerance
) -> tuple[U8, U32, U32]:
    """State, near and node of each row."""
    (first_us, last_us), reach_us = span, tolerance.reach_us
    start, end, owner = pieces.columns["start_us"], pieces.columns["end_us"], pieces.columns["owner"]
    latest = bisect(start, low, high, last_us + reach_us) - 1
    reached = np.maximum(latest, low)  # a row without any piece so early looks at the first one, and is not near it
    start_us, end_us = start[reached], leases.ends(end[reached])
    inside = tolerance.reaches(start_us, end_us, first_us, last_us)  # where the latest does not, none does
    earliest = latest.copy()
    wide = np.flatnonzero((latest > low) & (start_us > first_us - reach_us))
    if wide.size:
        # A lease counts as the latest end that there is: where the latest piece is not inside, the earliest is not asked for.
        earliest[wide] = bisect(end, low[wide], latest[wide] + 1, first_us[wide] - reach_us)
    near, node = (np.where(inside, column[reached], NOBODY).astype(np.uint32) for column in (owner, pieces.columns["node"]))
    covered = inside & tolerance.covers(start_us, end_us, first_us, last_us)
    several = np.flatnonzero(inside & (earliest < latest))
    if several.size:
        at, within = earliest[several], (first_us[several], last_us[several])
        near[several], node[several], covered[several] = _several(pieces, leases, at, latest[several], within, tolerance)
    state = np.where(covered, NAMED, GAP).astype(np.uint8)
    state[near == SEVERAL] = AMBIGUOUS
    return state, near, node


def _several(
    pieces: RaggedArray, leases: LeaseTable, earliest: I64, latest: I64, span: tuple[I64, I64], tolerance: Tolerance
) -> tuple[U32, U32, NDArray[np.bool_]]:
    """The owner of all pieces from `earliest` to `latest`, or SEVERAL; the node, likewise; and whether one of them covers the flow. One
    step a piece, for the few rows that see many.
    """
    start, end, owner, by = (pieces.columns[name] for name in ("start_us", "end_us", "owner", "node"))
    common, node, covered = owner[latest], by[latest], np.zeros(len(latest), np.bool_)
    rows, at = np.arange(len(latest)), earliest
    while rows.size:
        covered[rows] |= tolerance.covers(start[at], leases.ends(end[at]), span[0][rows], span[1][rows])
        differs = owner[at] != common[rows]
        common[rows[differs]] = SEVERAL
        node[rows[by[at] != node[rows]]] = SEVERAL
        onward = ~differs & (at < latest[rows])
        rows, at = rows[onward], at[onward] + 1
    return common, node, covered


def bisect(values: I64, low: I64, high: I64, wanted: I64) -> I64:
    """Row by row, the first position in [low, high) whose value lies above `wanted`, or high; all rows step together."""
    low, high = low.copy(), high.copy()
    width = int((high - low).max(initial=0))
    top = len(values) - 1
    for _ in range(width.bit_length()):
        middle = (low + high) >> 1
        below = (values[np.minimum(middle, top)] <= wanted) & (low < high)
        np.copyto(low, middle + 1, where=below)
        np.copyto(high, middle, where=~below)
    return low
