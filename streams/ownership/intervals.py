"""Sets of time ranges as sorted columns: unions by owner, and the timeline "who held it, then" that they add up to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32
from streams.columns.sorting import order_by

NOBODY = 0xFFFFFFFF
SEVERAL = 0xFFFFFFFE
"""Owner numbers that are no names: none, and more than one at a time."""


class OwnedIntervals(NamedTuple):
    """Half-open ranges [start, end) of addresses, by owner and by the node that said so."""

    address: I64
    owner: U32
    node: U32
    start_us: I64
    end_us: I64

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> OwnedIntervals:
        return OwnedIntervals(self.address[chosen], self.owner[chosen], self.node[chosen], self.start_us[chosen], self.end_us[chosen])

    def concat(self, other: OwnedIntervals) -> OwnedIntervals:
        """The rows of both, in no order."""
        return OwnedIntervals(
            np.concatenate((self.address, other.address)),
            np.concatenate((self.owner, other.owner)),
            np.concatenate((self.node, other.node)),
            np.concatenate((self.start_us, other.start_us)),
            np.concatenate((self.end_us, other.end_us)),
        )


class Timeline(NamedTuple):
    """Disjoint pieces of time, sorted by address and start: one owner each, or SEVERAL. `node`: who says so of all of the piece; SEVERAL
    where others do of some of it, or of the same owner before or behind it without a break.
    """

    address: I64
    start_us: I64
    end_us: I64
    owner: U32
    node: U32

    def rows(self, chosen: NDArray[np.int64]) -> Timeline:
        return Timeline(self.address[chosen], self.start_us[chosen], self.end_us[chosen], self.owner[chosen], self.node[chosen])

    def concat(self, other: Timeline) -> Timeline:
        return Timeline(
            np.concatenate((self.address, other.address)),
            np.concatenate((self.start_us, other.start_us)),
            np.concatenate((self.end_us, other.end_us)),
            np.concatenate((self.owner, other.owner)),
            np.concatenate((self.node, other.node)),
        )


def union(ranges: OwnedIntervals) -> OwnedIntervals:
    """Per address, owner and node: touching and overlapping ranges become one. Sorted by address, start, owner, node."""
    ordered = ranges.rows(order_by(ranges.address, ranges.start_us))
    apart = _apart(ordered, touching=False)
    if apart.all():
        return ordered
    merged = ordered.rows(apart).concat(_union(ordered.rows(~apart)))
    return merged.rows(np.argsort(merged.address, kind="stable"))


def _union(ranges: OwnedIntervals) -> OwnedIntervals:
    ordered = ranges.rows(np.lexsort((ranges.start_us, ranges.node, ranges.owner, ranges.address)))
    begins = _changes(ordered.address, ordered.owner, ordered.node)
    first, end_us = _merge(begins, ordered.start_us, ordered.end_us)
    merged = ordered.rows(first)._replace(end_us=end_us)
    return merged.rows(np.lexsort((merged.start_us, merged.address)))  # equal rows stay in the order of owner and node


def _apart(ordered: OwnedIntervals, *, touching: bool) -> NDArray[np.bool_]:
    """Rows of addresses whose ranges, sorted by address and start, neither overlap nor touch; with `touching`, they may touch."""
    same = ordered.address[1:] == ordered.address[:-1]
    before_us, after_us = ordered.end_us[:-1], ordered.start_us[1:]
    meets = same & (before_us > after_us if touching else before_us >= after_us)
    odd = ordered.end_us <= ordered.start_us
    if not meets.any() and not odd.any():
        return ~odd
    number = np.append(0, np.cumsum(~same))[: len(odd)]
    close = np.zeros(len(odd), np.bool_)  # by the number of the address
    close[number[1:][meets]] = True
    close[number[odd]] = True
    apart: NDArray[np.bool_] = ~close[number]
    return apart


def claims(ranges: OwnedIntervals) -> NDArray[np.int64]:
    """A number for each row, the same for rows that agree in address, owner and node."""
    triples = np.stack((ranges.address, ranges.owner.astype(np.int64), ranges.node.astype(np.int64)))
    number: NDArray[np.int64] = np.unique(triples, axis=1, return_inverse=True)[1].reshape(-1)
    return number


def subtract(ranges: OwnedIntervals, known: OwnedIntervals) -> OwnedIntervals:
    """What is left of `ranges` where `known` does not say the same: address, owner and node. Sorted as by `union`."""
    if not len(ranges.address) or not len(known.address):
        return union(ranges)
    both = ranges.concat(known)
    claim = claims(both)
    is_known = (np.arange(len(claim)) >= len(ranges.address)).astype(np.uint32)
    cut = flatten(both._replace(address=claim, owner=is_known))
    left = cut.owner == 0
    row_of = np.zeros(int(claim.max()) + 1, np.int64)
    row_of[claim] = np.arange(len(claim))
    return union(both.rows(row_of[cut.address[left]])._replace(start_us=cut.start_us[left], end_us=cut.end_us[left]))


def flatten(ranges: OwnedIntervals) -> Timeline:
    """Who held each address when: instants with one owner, and instants with SEVERAL. Which node said so cuts no piece in two."""
    ordered = ranges.rows(order_by(ranges.address, ranges.start_us))
    apart = _apart(ordered, touching=True)
    alone = ordered.rows(apart)
    cut = Timeline(alone.address, alone.start_us, alone.end_us, alone.owner, alone.node)
    if not apart.all():
        cut = cut.concat(_flatten(ordered.rows(~apart)))
        cut = cut.rows(np.argsort(cut.address, kind="stable"))
    return _joined(cut) if len(cut.address) else cut


def _flatten(ranges: OwnedIntervals) -> Timeline:
    ordered = ranges.rows(np.lexsort((ranges.start_us, ranges.owner, ranges.address)))
    first, end_us = _merge(_changes(ordered.address, ordered.owner), ordered.start_us, ordered.end_us)
    held = ordered.rows(first)
    address = np.concatenate((held.address, held.address))
    instant = np.concatenate((held.start_us, end_us))
    begun = np.stack((np.ones(len(first), np.int64), held.owner.astype(np.int64), _common(ordered.node, first).astype(np.int64)))
    order = np.lexsort((instant, address))
    address, instant, state = address[order], instant[order], np.concatenate((begun, -begun), axis=1)[:, order].cumsum(axis=1)
    last = _ends(address, instant)  # the state after everything that happens at one instant
    address, instant, (count, owner, node) = address[last], instant[last], state[:, last]
    if not len(address):
        return Timeline(address, instant, instant, owner.astype(np.uint32), node.astype(np.uint32))
    until = np.append(instant[1:], 0)
    covered = count > 0  # the last instant of an address has nobody left, so `until` never reaches into the next address
    label, by = (np.where(count > 1, SEVERAL, one)[covered].astype(np.uint32) for one in (owner, node))
    return Timeline(address[covered], instant[covered], until[covered], label, by)


def _joined(cut: Timeline) -> Timeline:
    """Pieces that touch and have one label become one: SEVERAL may be others from one instant to the next."""
    begins = _changes(cut.address, cut.owner)
    begins[1:] |= cut.start_us[1:] > cut.end_us[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins)) - 1
    return Timeline(cut.address[first], cut.start_us[first], cut.end_us[last], cut.owner[first], _common(cut.node, first))


def _common(node: U32, first: NDArray[np.int64]) -> U32:
    """Of each group of rows, the first of which is given, the one node, or SEVERAL."""
    common = node[first]
    if len(first) < len(node):
        differs = np.zeros(len(node), np.bool_)
        differs[1:] = node[1:] != node[:-1]
        differs[first] = False
        common[np.logical_or.reduceat(differs, first)] = SEVERAL
    return common


def _merge(begins: NDArray[np.bool_], start_us: I64, end_us: I64) -> tuple[NDArray[np.int64], I64]:
    """Rows sorted by group and start, `begins` true at each group's first row: first rows and ends of the merged ranges.

    The furthest end so far is a running maximum that starts anew with each group; ranks keep it within 64 bits.
    """
    rows = len(start_us)
    by_end = np.argsort(end_us, kind="stable")
    rank = np.empty(rows, np.int64)
    rank[by_end] = np.arange(rows)
    group = np.cumsum(begins) - 1
    furthest = end_us[by_end[np.maximum.accumulate(group * rows + rank) - group * rows]]
    opens = begins.copy()
    opens[1:] |= start_us[1:] > furthest[:-1]
    first = np.flatnonzero(opens)
    return first, furthest[np.append(first[1:], rows) - 1]


def _changes(*columns: NDArray[np.int64] | NDArray[np.uint32]) -> NDArray[np.bool_]:
    """True at the first row of each run of equal rows."""
    changed = np.ones(len(columns[0]), np.bool_)
    if len(changed):
        changed[1:] = False
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _ends(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True at the last row of each run of equal rows."""
    changed = _changes(*columns)
    return np.append(changed[1:], True)[: len(changed)]
