"""What a worker tells others of many addresses at once, out of its map's own numbers: changes, whole slices, leases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, NO_SLICE, SEEN, OwnershipChanges, OwnershipLeases, RangeColumns, SliceColumns
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.map import OwnershipMap
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
    (address, owner, lease), of, _ = table.members(leases)
    until_us, node = table.until_us[leases], table.place[lease, 1]
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
