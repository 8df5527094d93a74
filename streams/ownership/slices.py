"""A window's heartbeats of many nodes at once, compared as columns with those before: what goes on, what begins, what ends.

What goes on is prolonged by its slice's lease. Only the rest is merged into the map, and told to other workers, address by address.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U32, U64
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, LEFT, NO_SLICE, SAID
from streams.columns.sorting import distinct
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.leases import HoldingHashes, sums
from streams.ownership.leasing import Members
from streams.ownership.map import OwnershipMap


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


def hear_slices(known: OwnershipMap, hashes: HoldingHashes, leases: I64, said: OwnedIntervals, of: I64) -> Heard:
    """Learn one batch of heartbeats of each of the `leases` (each named once). `of`: the position of its lease, for each row of `said`."""
    table = known.evidence.leases
    until_us, since_us, before = table.until_us[leases], table.since_us[leases], table.state[leases]
    reach_us = np.full(len(leases), NEVER_US, np.int64)
    np.maximum.at(reach_us, of, said.end_us)
    ahead = reach_us > until_us  # others were heard before: they say nothing of what goes on
    whole = ahead[of] & (said.end_us == reach_us[of])
    members, of_member = _members(known, leases, ahead)
    stays, goes_on, loose_stays = _staying(known, leases, said, of, whole & (said.start_us <= until_us[of]), members, of_member)
    left = _last_ranges(known, members.rows(~stays), of_member[~stays], until_us)
    known.leasing.part(members.rows(~stays))
    table.until_us[leases[ahead]] = reach_us[ahead]
    if ahead.any():
        known.evidence.spoke(int(said.start_us.min()), int(reach_us.max()))
    rest = said.rows(~goes_on)
    changed = known.hear(rest)
    joins = whole & ~goes_on & ~loose_stays
    joined, of_joined = _once(said.rows(joins), of[joins])
    _renew(known, leases, ahead, members, of_member, stays, joined, of_joined)
    state = before - sums(hashes.of(known.evidence.addresses.keys[:, left.address], left.owner), of_member[~stays], len(leases))
    state += sums(hashes.of(known.evidence.addresses.keys[:, joined.address], joined.owner), of_joined, len(leases))
    table.state[leases] = state
    table.since_us[leases] = np.where(ahead, _since(since_us, stays, of_member, joined, of_joined, leases), since_us)
    plain = said.rows(~goes_on & ~joins & ~loose_stays)
    plain = plain.rows(np.isin(plain.address, changed))
    return _heard(leases, before, since_us, until_us, (left, of_member[~stays]), (joined, of_joined), plain)


def _members(known: OwnershipMap, leases: I64, ahead: NDArray[np.bool_]) -> tuple[Members, I64]:
    """Members of the leases that are `ahead`, and the position of each one's lease."""
    rows = np.flatnonzero(ahead)
    address, owner, of = known.evidence.leases.joined_members(leases[rows])
    return Members(address, owner, leases[rows][of]), rows[of]


def _staying(
    known: OwnershipMap, leases: I64, said: OwnedIntervals, of: I64, touching: NDArray[np.bool_], members: Members, of_member: I64
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Members that stay; rows of `said` that their lease says from now on; rows of members whose ends are their own.

    `touching`: rows that go on to the end of their slice's window from before its lease's end.
    """
    table, stored = known.evidence.leases, known.evidence.said
    last = stored.last(said.address)
    attached = known.leasing.is_attached(Members(said.address, said.owner, leases[of]))
    goes_on = touching & attached & (stored.columns["start_us"][last] <= said.start_us)
    marked = np.zeros(known.evidence.addresses.count, np.bool_)
    marked[said.address[goes_on]] = True
    stays = known.leasing.is_attached(members)
    own_end = ~stays
    stays &= marked[members.address]
    loose_stays = np.zeros(len(of), np.bool_)
    for position in distinct(of_member[own_end]).tolist():
        mine, theirs = np.flatnonzero(own_end & (of_member == position)), np.flatnonzero(touching & (of == position))
        mine = mine[np.argsort(_keys(members.address[mine], members.owner[mine]))]
        loose = members.rows(mine)
        begun_us = known.last_starts(loose.address, loose.owner, table.place[loose.lease, 1], table.until_us[loose.lease])
        held, named = _keys(loose.address, loose.owner), _keys(said.address[theirs], said.owner[theirs])
        at = np.minimum(np.searchsorted(held, named), len(held) - 1)
        same = (held[at] == named) & (begun_us[at] <= said.start_us[theirs])
        loose_stays[theirs] = same
        stays[mine[at[same]]] = True
    return stays, goes_on, loose_stays


def _keys(address: I64, owner: U32) -> I64:
    return address << 32 | owner.astype(np.int64)


def _last_ranges(known: OwnershipMap, left: Members, of: I64, until_us: I64) -> OwnedIntervals:
    """The range of each holding that left, up to where its lease lasted."""
    node = known.evidence.leases.place[left.lease, 1]
    end_us = until_us[of]
    return OwnedIntervals(left.address, left.owner, node, known.last_starts(left.address, left.owner, node, end_us), end_us)


def _once(said: OwnedIntervals, of: I64) -> tuple[OwnedIntervals, I64]:
    """A row for each holding of each slice, the one that begins first."""
    order = np.lexsort((said.start_us, said.owner, said.address, of))
    said, of = said.rows(order), of[order]
    first = np.ones(len(of), np.bool_)
    first[1:] = (of[1:] != of[:-1]) | (said.address[1:] != said.address[:-1]) | (said.owner[1:] != said.owner[:-1])
    return said.rows(first), of[first]


def _renew(
    known: OwnershipMap,
    leases: I64,
    ahead: NDArray[np.bool_],
    members: Members,
    of_member: I64,
    stays: NDArray[np.bool_],
    joined: OwnedIntervals,
    of_joined: I64,
) -> None:
    """Who is a member now, and whose range ends with the lease."""
    table = known.evidence.leases
    rows = np.flatnonzero(ahead)
    position = np.zeros(len(leases), np.int64)
    position[rows] = np.arange(len(rows))
    address, owner = np.concatenate((members.address[stays], joined.address)), np.concatenate((members.owner[stays], joined.owner))
    of = position[np.concatenate((of_member[stays], of_joined))]
    table.set_members(leases[rows], address, owner, of)
    now = Members(address, owner, leases[rows][of])
    loose = ~known.leasing.is_attached(now)
    table.loose[leases[rows]] = np.bincount(of[loose], minlength=len(rows))
    known.leasing.attach(now.rows(loose))


def _since(since_us: I64, stays: NDArray[np.bool_], of_member: I64, joined: OwnedIntervals, of_joined: I64, leases: I64) -> I64:
    """Since when all of the new members have been held."""
    now_us = np.full(len(leases), NEVER_US, np.int64)
    stayed = of_member[stays]
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
