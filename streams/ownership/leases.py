"""Leases: up to when a node goes on saying what it said, one instant for all that it holds.

A lease is of one slice of a node's heartbeats (a window's heartbeats may come in several batches, the same addresses in the same batch
window after window). Its members are the holdings, address and owner, that the slice has said without a break since `since_us`. The end
of a member's range is not an instant but the lease's number, so that one assignment prolongs them all.

`state` names a set of members by its content, the same in every process: what is said of a state is true of any set that has it, whoever
says it, in whatever order it is heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32, U64
from schemas.instants import FOREVER_US, NEVER_US
from streams.columns.hashing import address_words, mix, text_hashes
from streams.columns.positions import Positions
from streams.columns.sorting import distinct
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys
from streams.ownership.ragged import RaggedArray

_LEASED = FOREVER_US + 1
"""An end beyond all time: this number and a lease's stand for the instant that the lease lasts until."""
_SEED = np.uint64(0x9E3779B97F4A7C15)
_FIRST = 256


def is_leased(stored_us: I64) -> NDArray[np.bool_]:
    """Which stored ends are leases."""
    leased: NDArray[np.bool_] = stored_us >= _LEASED
    return leased


def leases_of(stored_us: I64) -> I64:
    """The numbers of the leases that stored ends are."""
    numbers: I64 = stored_us - _LEASED
    return numbers


def stored_as(lease: I64) -> I64:
    """What stands for the end of a range that goes on with a lease."""
    ends: I64 = lease + _LEASED
    return ends


class Members(NamedTuple):
    """Holdings that a lease has, or may have: row i of each column."""

    address: I64
    owner: U32
    lease: I64

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Members:
        return Members(self.address[chosen], self.owner[chosen], self.lease[chosen])

    def concat(self, other: Members) -> Members:
        """The rows of both."""
        return Members(
            np.concatenate((self.address, other.address)),
            np.concatenate((self.owner, other.owner)),
            np.concatenate((self.lease, other.lease)),
        )


class Listed(NamedTuple):
    """Members of some leases as the table has them. `of`: the position of each one's lease among those asked for.

    `at`: where the table has them, until members are set again.
    """

    members: Members
    of: I64
    at: I64


class LeaseTable:
    """Leases by numbers, which are never given out anew. Columns have a row a lease, and some to spare.

    A member is loose as long as its range has an end of its own: somebody else is known at its address. `loose`: how many are.
    `home`: the partition of weir.flows that the node's batches come in, -1 where that is not known.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._members = RaggedArray(address=np.int64, owner=np.uint32, loose=np.bool_)
        self._positions = Positions()
        self.until_us: I64 = np.full(_FIRST, NEVER_US, np.int64)
        self.since_us: I64 = np.full(_FIRST, NEVER_US, np.int64)
        self.state: U64 = np.zeros((_FIRST, 2), np.uint64)
        self.loose: I64 = np.zeros(_FIRST, np.int64)
        self.place: U32 = np.zeros((_FIRST, 3), np.uint32)  # network, node, slice
        self.home: I64 = np.full(_FIRST, -1, np.int64)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def memory_bytes(self) -> int:
        """Arrays, and an estimate of 200 bytes for what is no array of a lease."""
        columns = self.until_us.nbytes + self.since_us.nbytes + self.state.nbytes + self.loose.nbytes + self.place.nbytes + self.home.nbytes
        return columns + self._members.memory_bytes + self._positions.memory_bytes + 200 * len(self)

    @property
    def idle(self) -> int:
        """Leases of nothing: of nodes that are gone."""
        return len(self) - int(np.count_nonzero(self.state[: len(self)].any(axis=1)))

    def number(self, network: int, node: int, part: int) -> int:
        """The lease of a slice, made where there was none: of nothing, until before all time."""
        key = (network, node, part)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._numbers)
            self._members.resize(len(self))
            if found >= len(self.until_us):
                self._grow()
            self.place[found] = key
        return found

    def find(self, network: int, node: int, part: int) -> int:
        """-1 where there is none."""
        return self._numbers.get((network, node, part), -1)

    def ends(self, stored_us: I64) -> I64:
        """Stored ends as instants."""
        leased = is_leased(stored_us)
        if not leased.any():
            return stored_us
        ends = stored_us.copy()
        ends[leased] = self.until_us[leases_of(stored_us[leased])]
        return ends

    # Members.

    def counts(self, leases: I64) -> I64:
        """How many members each of the leases has."""
        return self._members.counts[leases].astype(np.int64)

    def members(self, leases: I64) -> Listed:
        """Lease after lease."""
        at, of = self._members.positions(leases), np.repeat(np.arange(len(leases)), self._members.counts[leases])
        return Listed(self._members_at(at, leases[of]), of, at)

    def loose_members(self, leases: I64) -> Listed:
        """Those that are loose."""
        at, of = self._members.positions(leases), np.repeat(np.arange(len(leases)), self._members.counts[leases])
        loose = self.is_loose(at)
        at, of = at[loose], of[loose]
        return Listed(self._members_at(at, leases[of]), of, at)

    def is_loose(self, at: I64) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._members.columns["loose"][at]
        return found

    def set_members(self, leases: I64, members: Members, of: I64, loose: NDArray[np.bool_]) -> None:
        """All that the leases (each named once) have from now on. `of`: the position in `leases` of each member's lease, in any order."""
        if (of[1:] < of[:-1]).any():
            order = np.argsort(of, kind="stable")
            members, of, loose = members.rows(order), of[order], loose[order]
        self._members.put(leases, np.bincount(of, minlength=len(leases)), address=members.address, owner=members.owner, loose=loose)
        self.loose[leases] = np.bincount(of[loose], minlength=len(leases))

    def tighten(self, listed: Listed, chosen: NDArray[np.bool_]) -> None:
        """The chosen rows, which are loose, are so no more."""
        self._members.columns["loose"][listed.at[chosen]] = False
        np.subtract.at(self.loose, listed.members.lease[chosen], 1)

    def loosen(self, members: Members) -> None:
        """Members that are not loose are so from now on."""
        if not len(members.address):
            return
        listed = self.members(distinct(members.lease))
        self._members.columns["loose"][listed.at[self.find_members(listed.members, members)]] = True
        np.add.at(self.loose, members.lease, 1)

    def find_members(self, listed: Members, wanted: Members) -> I64:
        """For each of `wanted` its row in `listed`, -1 where there is none."""
        at = self._positions.find(listed.address, wanted.address)
        near = np.flatnonzero(at >= 0)
        same = (listed.owner[at[near]] == wanted.owner[near]) & (listed.lease[at[near]] == wanted.lease[near])
        others = near[~same]  # several are listed of one address, and another was found
        if others.size:
            some = np.flatnonzero(self._positions.find(wanted.address[others], listed.address) >= 0)
            row_of = dict(zip(_triples(listed.rows(some)), some.tolist(), strict=True))
            at[others] = [row_of.get(one, -1) for one in _triples(wanted.rows(others))]
        return at

    def empty(self, leases: I64) -> None:
        """Leases of nothing, as if they had never been."""
        none = np.zeros(0, np.int64)
        self.set_members(leases, Members(none, none.astype(np.uint32), none), none, np.zeros(0, np.bool_))
        self.until_us[leases] = self.since_us[leases] = NEVER_US
        self.state[leases] = 0

    def _members_at(self, at: I64, lease: I64) -> Members:
        columns = self._members.columns
        return Members(columns["address"][at], columns["owner"][at], lease)

    def _grow(self) -> None:
        more = len(self.until_us)
        self.until_us = np.concatenate((self.until_us, np.full(more, NEVER_US, np.int64)))
        self.since_us = np.concatenate((self.since_us, np.full(more, NEVER_US, np.int64)))
        self.state = np.concatenate((self.state, np.zeros((more, 2), np.uint64)))
        self.loose = np.concatenate((self.loose, np.zeros(more, np.int64)))
        self.place = np.concatenate((self.place, np.zeros((more, 3), np.uint32)))
        self.home = np.concatenate((self.home, np.full(more, -1, np.int64)))


def _triples(members: Members) -> list[tuple[int, int, int]]:
    return list(zip(members.address.tolist(), members.owner.tolist(), members.lease.tolist(), strict=True))


class HoldingHashes:
    """128 bits of a holding (network, address, protocol, port, workload), the same in every process."""

    def __init__(self, names: StringTable) -> None:
        self._names = names
        self._hashes: U64 = np.zeros(0, np.uint64)

    def of(self, keys: U64, owner: U32) -> U64:
        """(n, 2). `keys`: (3, n) words of `AddressIndex`."""
        texts = self._names.texts
        if len(self._hashes) < len(texts):
            self._hashes = np.concatenate((self._hashes, text_hashes(texts[len(self._hashes) :])))
        network, ip, protocol, port = split_keys(keys)
        place = port.astype(np.uint64) | protocol.astype(np.uint64) << np.uint64(16)
        words = (self._hashes[network], *address_words(ip), place, self._hashes[owner])
        seed = np.full(len(owner), _SEED, np.uint64)
        return np.stack((mix(words), mix((seed, *reversed(words)))), axis=1)


def sums(hashes: U64, of: I64, groups: int) -> U64:
    """(groups, 2): the state of each group of holdings, `of` being each one's group. States add up, and can be taken from one another."""
    total = np.zeros((groups, 2), np.uint64)
    np.add.at(total, of, hashes)
    return total
