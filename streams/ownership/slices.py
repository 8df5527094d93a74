"""A window's heartbeats of many nodes at once, compared as columns with those before: what goes on, what begins, what ends.

What goes on is prolonged by its slice's lease. Only the rest is merged into the map, and told to other workers, address by address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U32, U64
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, LEFT, NO_SLICE, SAID
from streams.columns.sorting import distinct
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.leases import HoldingHashes, Members, sums
from streams.ownership.map import OwnershipMap
from streams.ownership.turnover import Turnover, turn_over


@dataclass(frozen=True)
class Heard:
    """What a round of slices changed, in the map's own numbers. `ranges` row by row: `of` (a position in `leases`), `kind`."""

    leases: I64
    before: U64
    since_us: I64
    until_us: I64
    ranges: OwnedIntervals
    of: U32
    kind: U8

    @classmethod
    def nothing(cls) -> Heard:
        none, numbers = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        ranges = OwnedIntervals(none, numbers, numbers, none, none)
        return cls(none, np.zeros((0, 2), np.uint64), none, none, ranges, numbers, np.zeros(0, np.uint8))

    def parts(self, rows: int) -> Iterator[Heard]:
        """The same in parts of about so many ranges, each slice whole."""
        slices = len(self.leases)
        counts = np.bincount(self.of[self.of != NO_SLICE], minlength=slices)
        part_of = np.append((np.cumsum(counts) - counts) // rows, 0)
        plain = np.cumsum(self.of == NO_SLICE) // rows  # in parts by themselves: they need no slice
        part_of_row = np.where(self.of == NO_SLICE, plain, part_of[np.minimum(self.of, slices)])
        for part in range(int(part_of_row.max(initial=-1)) + 1):
            chosen, of_rows = np.flatnonzero(part_of[:-1] == part), np.flatnonzero(part_of_row == part)
            position = np.append(np.cumsum(part_of[:-1] == part) - 1, NO_SLICE)
            of = position[np.minimum(self.of[of_rows], slices)].astype(np.uint32)
            leases, before, since_us, until_us = self.leases[chosen], self.before[chosen], self.since_us[chosen], self.until_us[chosen]
            yield Heard(leases, before, since_us, until_us, self.ranges.rows(of_rows), of, self.kind[of_rows])


def hear_slices(known: OwnershipMap, hashes: HoldingHashes, leases: I64, said: OwnedIntervals, of: I64) -> Heard:
    """Learn one batch of heartbeats of each of the `leases` (each named once). `of`: the position of its lease, for each row of `said`."""
    table = known.evidence.leases
    until_us, since_us, before = table.until_us[leases], table.since_us[leases], table.state[leases]
    reach_us = np.full(len(leases), NEVER_US, np.int64)
    np.maximum.at(reach_us, of, said.end_us)
    ahead = reach_us > until_us  # others were heard before: they say nothing of what goes on
    rows = np.flatnonzero(ahead)
    listed = table.members(leases[rows])
    whole = ahead[of] & (said.end_us == reach_us[of])
    member = _members_repeated(known, said, leases[of], whole & (said.start_us <= until_us[of]), listed.members)
    repeats, stays = member >= 0, np.zeros(len(listed.of), np.bool_)
    stays[member[repeats]] = True
    left, of_left = _last_ranges(known, listed.members.rows(~stays), until_us[rows][listed.of[~stays]]), rows[listed.of[~stays]]
    rest, joins = np.flatnonzero(~repeats), np.flatnonzero(whole & ~repeats)
    # Of a holding that is said twice, one row may go on with the lease: the other makes it no member a second time.
    kept = table.find_members(listed.members.rows(stays), Members(said.address[joins], said.owner[joins], leases[of[joins]])) >= 0
    joins = joins[~kept]
    joined, of_joined = _once(said.rows(joins), of[joins])
    if rows.size:
        known.evidence.spoke(int(said.start_us.min()), int(reach_us.max()))
    position = np.zeros(len(leases), np.int64)
    position[rows] = np.arange(len(rows))
    turnover = Turnover(leases[rows], reach_us[rows], listed, stays, joined, position[of_joined])
    changed = turn_over(known, turnover, said.rows(rest))
    state = before - sums(hashes.of(known.evidence.addresses.keys[:, left.address], left.owner), of_left, len(leases))
    state += sums(hashes.of(known.evidence.addresses.keys[:, joined.address], joined.owner), of_joined, len(leases))
    table.state[leases] = state
    table.since_us[leases] = np.where(ahead, _since(since_us, rows[listed.of[stays]], joined, of_joined), since_us)
    plain = said.rows(np.setdiff1d(rest, joins, assume_unique=True))
    plain = plain.rows(np.isin(plain.address, changed))
    return _heard(leases, before, since_us, until_us, (left, of_left), (joined, of_joined), plain)


def _members_repeated(known: OwnershipMap, said: OwnedIntervals, lease: I64, touching: NDArray[np.bool_], listed: Members) -> I64:
    """For each row of `said` the row of the member that it says again, -1 where it says something new.

    `touching`: rows that go on to the end of their slice's window from before its lease's end.
    """
    table, rows = known.evidence.leases, np.flatnonzero(touching)
    some = said.rows(rows)
    at = table.find_members(listed, Members(some.address, some.owner, lease[rows]))
    # All members have been held since then. What is said of a time before may be new.
    early = np.flatnonzero((at >= 0) & (some.start_us < table.since_us[lease[rows]]))
    if early.size:
        its, of_lease = some.rows(early), lease[rows[early]]
        begun_us = known.last_starts(its.address, its.owner, table.place[of_lease, 1], table.until_us[of_lease])
        at[early[begun_us > its.start_us]] = -1
    member = np.full(len(touching), -1, np.int64)
    member[rows] = at
    return member


def _last_ranges(known: OwnershipMap, left: Members, end_us: I64) -> OwnedIntervals:
    """The range of each holding that left, up to where its lease lasted."""
    node = known.evidence.leases.place[left.lease, 1]
    return OwnedIntervals(left.address, left.owner, node, known.last_starts(left.address, left.owner, node, end_us), end_us)


def _once(said: OwnedIntervals, of: I64) -> tuple[OwnedIntervals, I64]:
    """A row for each holding of each slice, the one that begins first."""
    order = np.lexsort((said.start_us, said.owner, said.address, of))
    said, of = said.rows(order), of[order]
    first = np.ones(len(of), np.bool_)
    first[1:] = (of[1:] != of[:-1]) | (said.address[1:] != said.address[:-1]) | (said.owner[1:] != said.owner[:-1])
    return said.rows(first), of[first]


def _since(since_us: I64, stayed: I64, joined: OwnedIntervals, of_joined: I64) -> I64:
    """Since when all of the new members have been held. `stayed`: the position of its lease, for each member that stays."""
    now_us = np.full(len(since_us), NEVER_US, np.int64)
    now_us[stayed] = since_us[stayed]
    np.maximum.at(now_us, of_joined, joined.start_us)
    return now_us


def _heard(
    leases: I64,
    before: U64,
    since_us: I64,
    until_us: I64,
    left: tuple[OwnedIntervals, I64],
    joined: tuple[OwnedIntervals, I64],
    plain: OwnedIntervals,
) -> Heard:
    """Only slices whose members changed."""
    chosen = distinct(np.concatenate((left[1], joined[1])))
    position = np.full(len(leases), -1, np.int64)
    position[chosen] = np.arange(len(chosen))
    none = np.full(len(plain.address), NO_SLICE, np.uint32)
    return Heard(
        leases[chosen],
        before[chosen],
        since_us[chosen],
        until_us[chosen],
        left[0].concat(joined[0]).concat(plain),
        np.concatenate((position[left[1]].astype(np.uint32), position[joined[1]].astype(np.uint32), none)),
        np.repeat(np.array([LEFT, HELD, SAID], np.uint8), [len(left[1]), len(joined[1]), len(none)]),
    )
