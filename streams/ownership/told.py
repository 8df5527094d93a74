"""What workers tell one another of many addresses at once, in a map's own numbers and back: changes, whole slices, leases.

Ranges are said as they are: each is true by itself, and learned in any order, any number of times. What is said of a slice is used where
this map's slice has the very state that it is said of, and left alone otherwise: a lease never says more than the heartbeats did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32, U64
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, LEFT, NO_SLICE, SEEN, OwnershipChanges, OwnershipLeases, RangeColumns, SliceColumns
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.leases import HoldingHashes, LeaseTable, sums
from streams.ownership.leasing import Members
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import Observations
from streams.ownership.slices import Heard


def changes_of(known: OwnershipMap, heard: Heard, seen: OwnedIntervals) -> OwnershipChanges:
    """The changes of a round, and sightings, for other workers."""
    table, leases = known.evidence.leases, heard.leases
    lapsed = heard.since_us == NEVER_US  # of nothing
    told = _Names(known.names)
    place = table.place[leases]
    empty = table.since_us[leases] == NEVER_US
    slices = SliceColumns(
        node=told.numbers(place[:, 1]),
        network=told.numbers(place[:, 0]),
        part=place[:, 2].copy(),
        whole=np.zeros(len(leases), np.uint8),
        before=heard.before,
        since_us=np.where(lapsed, 0, heard.since_us),
        until_us=np.where(lapsed, 0, heard.until_us),
        after=table.state[leases],
        after_since_us=np.where(empty, table.until_us[leases], table.since_us[leases]),
        after_until_us=table.until_us[leases],
    )
    kind = np.concatenate((heard.kind, np.full(len(seen.address), SEEN, np.uint8)))
    of = np.concatenate((heard.of, np.full(len(seen.address), NO_SLICE, np.uint32)))
    ranges = _ranges(known, heard.ranges.concat(seen), of, kind, told)
    return OwnershipChanges(told.texts, slices, ranges)


def whole_slices(known: OwnershipMap, leases: I64) -> OwnershipChanges:
    """All that the slices hold, whoever knows what of it."""
    table = known.evidence.leases
    address, owner, of = table.joined_members(leases)
    until_us, node = table.until_us[leases], table.place[leases[of], 1]
    start_us = known.last_starts(address, owner, node, until_us[of])
    told = _Names(known.names)
    place = table.place[leases]
    nothing = np.zeros(len(leases), np.int64)
    empty = table.since_us[leases] == NEVER_US
    slices = SliceColumns(
        node=told.numbers(place[:, 1]),
        network=told.numbers(place[:, 0]),
        part=place[:, 2].copy(),
        whole=np.ones(len(leases), np.uint8),
        before=np.zeros((len(leases), 2), np.uint64),
        since_us=nothing,
        until_us=nothing,
        after=table.state[leases],
        after_since_us=np.where(empty, np.maximum(until_us, 0), table.since_us[leases]),
        after_until_us=np.maximum(until_us, 0),
    )
    held = OwnedIntervals(address, owner, node, start_us, until_us[of])
    ranges = _ranges(known, held, of.astype(np.uint32), np.full(len(of), HELD, np.uint8), told)
    return OwnershipChanges(told.texts, slices, ranges)


def leases_told(known: OwnershipMap, leases: I64) -> OwnershipLeases:
    """Up to when the slices, which hold something, have gone on."""
    table, told = known.evidence.leases, _Names(known.names)
    place = table.place[leases]
    node, network = told.numbers(place[:, 1]), told.numbers(place[:, 0])
    return OwnershipLeases(
        told.texts, node, network, place[:, 2].copy(), table.state[leases], table.since_us[leases], table.until_us[leases]
    )


def learn_leases(known: OwnershipMap, told: OwnershipLeases) -> I64:
    """Prolong what this map knows to be in the same state, without a break in between. Returns the leases of slices that it knows of."""
    table = known.evidence.leases
    numbers = known.names.numbers(told.names)
    places = zip(numbers[told.network].tolist(), numbers[told.node].tolist(), told.part.tolist(), strict=True)
    leases = np.fromiter((table.find(*place) for place in places), np.int64, len(told))
    fits = (leases >= 0) & (table.state[leases] == told.state).all(axis=1) & told.state.any(axis=1)
    fits &= (told.since_us <= table.until_us[leases]) & (told.until_us > table.until_us[leases])
    rows = np.flatnonzero(fits)
    rows = rows[_firsts(leases[rows])]
    known.extend(leases[rows], told.until_us[rows])
    return leases[leases >= 0]


def learn_changes(known: OwnershipMap, hashes: HoldingHashes, told: OwnershipChanges) -> I64:
    """Learn all ranges, and bring slices from the state that they were in to the one that they are in now, where this map knows the one.
    Returns the leases of the slices.
    """
    table, slices, kind = known.evidence.leases, told.slices, told.ranges.kind
    numbers = known.names.numbers(told.names)
    places = zip(numbers[slices.network].tolist(), numbers[slices.node].tolist(), slices.part.tolist(), strict=True)
    leases = np.fromiter((table.number(*place) for place in places), np.int64, len(slices))
    observations = _observations(told)
    every = known.evidence.numbered(observations)
    held, left = kind == HELD, kind == LEFT
    of = told.ranges.of.astype(np.int64)
    change = _state_of(known, hashes, every, of, held, len(slices)) - _state_of(known, hashes, every, of, left, len(slices))
    same, applies = _usable(table, leases, slices, change)
    position = np.minimum(of, len(slices))  # NO_SLICE is the last
    applied = np.append(applies, False)[position]
    known.extend(leases[same], slices.after_until_us[same])
    _leave(known, leases, slices, applies, every.rows(left & applied), of[left & applied])
    says, by_flow = known.evidence.telling(observations), kind == SEEN
    known.take(every.rows(says & ~by_flow), every.rows(says & by_flow))
    _join(known, leases, slices, applies, every.rows(held & applied), of[held & applied])
    return leases


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


def _leave(known: OwnershipMap, leases: I64, slices: SliceColumns, applies: NDArray[np.bool_], left: OwnedIntervals, of: I64) -> None:
    """Prolong the slices to where they changed, part with the holdings that left (with all, where a whole slice follows), and prolong what
    stays.
    """
    table = known.evidence.leases
    rows = np.flatnonzero(applies)
    chosen = leases[rows]
    goes_on = (slices.whole[rows] == 0) & slices.before[rows].any(axis=1)
    known.extend(chosen[goes_on], slices.until_us[rows][goes_on])
    address, owner, of_member = table.joined_members(chosen)
    members = Members(address, owner, chosen[of_member])
    position = np.zeros(len(leases), np.int64)
    position[rows] = np.arange(len(rows))
    stays = goes_on[of_member] & ~_among(address, owner, of_member, left.address, left.owner, position[of])
    attached = known.leasing.is_attached(members)
    known.leasing.part(members.rows(~stays))
    table.set_members(chosen, address[stays], owner[stays], of_member[stays])
    table.loose[chosen] = np.bincount(of_member[stays & ~attached], minlength=len(chosen))
    known.extend(chosen[goes_on], slices.after_until_us[rows][goes_on])


def _join(known: OwnershipMap, leases: I64, slices: SliceColumns, applies: NDArray[np.bool_], joined: OwnedIntervals, of: I64) -> None:
    """The slices' new holdings, whose ranges have been learned, and their new states."""
    table = known.evidence.leases
    rows = np.flatnonzero(applies)
    chosen = leases[rows]
    position = np.zeros(len(leases), np.int64)
    position[rows] = np.arange(len(rows))
    address, owner, of_member = table.joined_members(chosen)
    address, owner = np.concatenate((address, joined.address)), np.concatenate((owner, joined.owner))
    of_member = np.concatenate((of_member, position[of]))
    table.set_members(chosen, address, owner, of_member)
    table.until_us[chosen] = slices.after_until_us[rows]
    table.since_us[chosen] = np.where(slices.after[rows].any(axis=1), slices.after_since_us[rows], NEVER_US)
    table.state[chosen] = slices.after[rows]
    members = Members(joined.address, joined.owner, leases[of])
    np.add.at(table.loose, leases[of], 1)
    known.leasing.attach(members)


def _among(address: I64, owner: U32, of: I64, others: I64, owners: U32, of_others: I64) -> NDArray[np.bool_]:
    """Rows that are among the others, in all three columns."""
    if not len(others) or not len(address):
        return np.zeros(len(address), np.bool_)
    columns = (np.concatenate((of, of_others)), np.concatenate((address, others)), np.concatenate((owner, owners)))
    order = np.lexsort(columns)
    changed = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    group = np.empty(len(order), np.int64)
    group[order] = np.append(0, np.cumsum(changed))
    named = np.zeros(len(order), np.bool_)
    named[group[len(address) :]] = True
    return named[group[: len(address)]]


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


class _Names:
    """Of a map's names those that a message uses, by numbers of its own."""

    def __init__(self, names: StringTable) -> None:
        self._names = names
        self._used = StringTable()

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._used.texts)

    def numbers(self, column: NDArray[np.uint32]) -> U32:
        used, index = np.unique(column, return_inverse=True)
        return self._used.numbers([self._names.texts[number] for number in used.tolist()])[index]


def _ranges(known: OwnershipMap, rows: OwnedIntervals, of: U32, kind: NDArray[np.uint8], told: _Names) -> RangeColumns:
    network, ip, protocol, port = split_keys(known.evidence.addresses.keys[:, rows.address])
    return RangeColumns(
        of=of,
        kind=kind,
        node=told.numbers(rows.node),
        network=told.numbers(network),
        workload=told.numbers(rows.owner),
        ip=ip,
        port=port,
        protocol=protocol,
        start_us=rows.start_us,
        end_us=rows.end_us,
    )
