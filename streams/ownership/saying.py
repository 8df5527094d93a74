"""What a worker tells others of many addresses at once, out of its map's own numbers: changes, whole slices, leases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32, U64
from schemas.instants import NEVER_US
from schemas.records.ownership_changes import HELD, NO_SLICE, SEEN, OwnershipChanges, OwnershipLeases, RangeColumns, SliceColumns
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.map import OwnershipMap
from streams.ownership.slices import Heard


def changes_of(known: OwnershipMap, heard: Heard, seen: OwnedIntervals) -> OwnershipChanges:
    """The changes of a round, and sightings, for other workers."""
    told = _Names(known.names)
    slices = _slices(known, heard.leases, told, heard.before, heard.since_us, heard.until_us, whole=False)
    kind = np.concatenate((heard.kind, np.full(len(seen.address), SEEN, np.uint8)))
    of = np.concatenate((heard.of, np.full(len(seen.address), NO_SLICE, np.uint32)))
    ranges = _ranges(known, heard.ranges.concat(seen), of, kind, told)
    return OwnershipChanges(told.texts, slices, ranges)


def whole_slices(known: OwnershipMap, leases: I64) -> OwnershipChanges:
    """All that the slices hold, whoever knows what of it."""
    table, told = known.evidence.leases, _Names(known.names)
    (address, owner, lease), of, _ = table.members(leases)
    until_us, node = table.until_us[lease], table.place[lease, 1]
    nothing = np.full(len(leases), NEVER_US, np.int64)
    slices = _slices(known, leases, told, np.zeros((len(leases), 2), np.uint64), nothing, nothing, whole=True)
    held = OwnedIntervals(address, owner, node, known.last_starts(address, owner, node, until_us), until_us)
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


def _slices(known: OwnershipMap, leases: I64, told: _Names, before: U64, since_us: I64, until_us: I64, *, whole: bool) -> SliceColumns:
    """The slices as they are now. `before`, `since_us`, `until_us`: as they were, NEVER_US where they were of nothing."""
    table = known.evidence.leases
    place, now_until_us, now_since_us = table.place[leases], np.maximum(table.until_us[leases], 0), table.since_us[leases]
    lapsed = since_us == NEVER_US
    return SliceColumns(
        node=told.numbers(place[:, 1]),
        network=told.numbers(place[:, 0]),
        part=place[:, 2].copy(),
        whole=np.full(len(leases), whole, np.uint8),
        before=before,
        since_us=np.where(lapsed, 0, since_us),
        until_us=np.where(lapsed, 0, until_us),
        after=table.state[leases],
        after_since_us=np.where(now_since_us == NEVER_US, now_until_us, now_since_us),
        after_until_us=now_until_us,
    )


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
