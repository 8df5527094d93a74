"""What other workers tell of many addresses at once, learned: changes, whole slices, leases.

Ranges are said as they are: each is true by itself, and learned in any order, any number of times. What is said of a slice is used where
this map's slice has the very state that it is said of, and left alone otherwise: a lease never says more than the heartbeats did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U64
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, LEFT, SEEN, OwnershipChanges, OwnershipLeases, SliceColumns, joined_changes
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.leases import HoldingHashes, LeaseTable, Members, sums
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import Observations
from streams.ownership.turnover import Turnover, turn_over

_ROWS = 50_000
"""Ranges of so many are learned at once."""


def learn_told(known: OwnershipMap, hashes: HoldingHashes, told: Sequence[OwnershipChanges | OwnershipLeases]) -> list[I64]:
    """Learn the messages, in their order. Returns of each the leases of the slices that it speaks of, as far as this map knows of them."""
    leases = [_leases_of(known, one) for one in told]
    for part in _parts(told, leases):
        its = np.concatenate(leases[part])
        if changes := [one for one in told[part] if isinstance(one, OwnershipChanges)]:
            _learn_changes(known, hashes, joined_changes(changes), its)
        else:
            _learn_leases(known, [one for one in told[part] if isinstance(one, OwnershipLeases)], its)
    return [some[some >= 0] for some in leases]


def _leases_of(known: OwnershipMap, told: OwnershipChanges | OwnershipLeases) -> I64:
    """Of the message's slices. One that is not known yet has -1, unless it changes."""
    table, numbers = known.evidence.leases, known.names.numbers(told.names)
    slices, number = (told.slices, table.number) if isinstance(told, OwnershipChanges) else (told, table.find)
    places = zip(numbers[slices.network].tolist(), numbers[slices.node].tolist(), slices.part.tolist(), strict=True)
    return np.fromiter((number(*place) for place in places), np.int64, len(slices))


def _parts(told: Sequence[OwnershipChanges | OwnershipLeases], leases: Sequence[I64]) -> Iterator[slice]:
    """Messages that can be learned at once: neighbours of one kind, which do not change a slice twice."""
    first, rows = 0, 0
    changed: set[int] = set()
    for at, (one, its) in enumerate(zip(told, leases, strict=True)):
        changes = isinstance(one, OwnershipChanges)
        more, mine = len(one.ranges) if isinstance(one, OwnershipChanges) else 0, set(its.tolist() if changes else ())
        if at > first and (type(one) is not type(told[first]) or rows + more > _ROWS or not changed.isdisjoint(mine)):
            yield slice(first, at)
            first, rows, changed = at, 0, set()
        rows += more
        changed |= mine
    if told:
        yield slice(first, len(told))


def _learn_leases(known: OwnershipMap, told: Sequence[OwnershipLeases], leases: I64) -> None:
    """Prolong what this map knows to be in the same state, without a break in between."""
    table = known.evidence.leases
    state, since_us, until_us = (np.concatenate([getattr(one, name) for one in told]) for name in ("state", "since_us", "until_us"))
    fits = (leases >= 0) & (table.state[leases] == state).all(axis=1) & state.any(axis=1)
    fits &= (since_us <= table.until_us[leases]) & (until_us > table.until_us[leases])
    rows = np.flatnonzero(fits)
    rows = rows[np.argsort(-until_us[rows], kind="stable")]  # of what is said of a slice twice, what reaches further
    rows = rows[_firsts(leases[rows])]
    known.extend(leases[rows], until_us[rows])


def _learn_changes(known: OwnershipMap, hashes: HoldingHashes, told: OwnershipChanges, leases: I64) -> None:
    """Learn all ranges, and bring slices from the state that they were in to the one that they are in now, where this map knows the one."""
    table, slices, kind = known.evidence.leases, told.slices, told.ranges.kind
    observations = _observations(told)
    every = known.evidence.numbered(observations)
    held, left = kind == HELD, kind == LEFT
    of = told.ranges.of.astype(np.int64)
    change = _state_of(known, hashes, every, of, held, len(slices)) - _state_of(known, hashes, every, of, left, len(slices))
    same, applies = _usable(table, leases, slices, change)
    position = np.minimum(of, len(slices))  # NO_SLICE is the last
    applied = np.append(applies, False)[position]
    known.extend(leases[same], slices.after_until_us[same])
    says, by_flow = known.evidence.telling(observations), kind == SEEN
    turnover = _turnover(
        known, leases, slices, applies, (every.rows(left & applied), of[left & applied]), (every.rows(held & applied), of[held & applied])
    )
    turn_over(known, turnover, every.rows(says & ~by_flow))
    if by_flow.any():
        known.see(every.rows(says & by_flow))
    rows = np.flatnonzero(applies)
    table.since_us[leases[rows]] = np.where(slices.after[rows].any(axis=1), slices.after_since_us[rows], NEVER_US)
    table.state[leases[rows]] = slices.after[rows]


def _usable(table: LeaseTable, leases: I64, slices: SliceColumns, change: U64) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Slices that are in the new state already, and go on in it; and slices that can be brought into it."""
    until_us, state = table.until_us[leases], table.state[leases]
    once = np.zeros(len(leases), np.bool_)
    once[_firsts(leases)] = True
    whole = slices.whole > 0
    changes = (slices.before != slices.after).any(axis=1)
    same = once & (whole | changes) & (state == slices.after).all(axis=1) & (slices.after_since_us <= until_us)
    before = np.where(whole[:, None], np.uint64(0), slices.before)
    sound = once & ~same & (before + change == slices.after).all(axis=1)
    nothing = ~slices.before.any(axis=1)
    follows = (state == slices.before).all(axis=1) & (nothing | (slices.since_us <= until_us))
    follows &= np.maximum(until_us, np.where(nothing, NEVER_US, slices.until_us)) <= slices.after_until_us
    return same, sound & ((whole & (until_us <= slices.after_until_us)) | (~whole & follows))


def _turnover(
    known: OwnershipMap,
    leases: I64,
    slices: SliceColumns,
    applies: NDArray[np.bool_],
    left: tuple[OwnedIntervals, I64],
    joined: tuple[OwnedIntervals, I64],
) -> Turnover:
    """Of the slices that a change applies to: what left goes, all where a whole slice follows. Both with the positions of their slices."""
    table, rows = known.evidence.leases, np.flatnonzero(applies)
    position = np.zeros(len(leases), np.int64)
    position[rows] = np.arange(len(rows))
    listed = table.members(leases[rows])
    stays = ((slices.whole[rows] == 0) & slices.before[rows].any(axis=1))[listed.of]
    stays &= table.find_members(Members(left[0].address, left[0].owner, leases[left[1]]), listed.members) < 0
    return Turnover(leases[rows], slices.after_until_us[rows], listed, stays, joined[0], position[joined[1]])


def _state_of(known: OwnershipMap, hashes: HoldingHashes, every: OwnedIntervals, of: I64, chosen: NDArray[np.bool_], groups: int) -> U64:
    keys = known.evidence.addresses.keys[:, every.address[chosen]]
    return sums(hashes.of(keys, every.owner[chosen]), of[chosen], groups)


def _firsts(numbers: I64) -> I64:
    firsts: I64 = np.unique(numbers, return_index=True)[1]
    return firsts


def _observations(told: OwnershipChanges) -> Observations:
    ranges = told.ranges
    columns = (ranges.network, ranges.node, ranges.workload, ranges.ip, ranges.port, ranges.protocol, ranges.start_us, ranges.end_us)
    return Observations(told.names, *columns, by_flow=ranges.kind == SEEN)
