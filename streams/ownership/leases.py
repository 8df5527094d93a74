"""Leases: up to when a node goes on saying what it said, one instant for all that it holds.

A lease is of one slice of a node's heartbeats (a window's heartbeats may come in several batches, the same addresses in the same batch
window after window). Its members are the holdings, address and owner, that the slice has said without a break since `since_us`. The end
of a member's range is not an instant but the lease's number, so that one assignment prolongs them all.

`state` names a set of members by its content, the same in every process: what is said of a state is true of any set that has it, whoever
says it, in whatever order it is heard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32, U64
from schemas.instants import FOREVER_US, NEVER_US
from streams.columns.hashing import address_words, mix, text_hashes
from streams.columns.strings import StringTable
from streams.ownership.address_index import split_keys

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


class LeaseTable:
    """Leases by numbers, which are never given out anew. Columns have a row a lease, and some to spare.

    `loose`: how many members have an end of their own: somebody else is known at their address. `address`, `owner`: the members.
    `home`: the partition of weir.flows that the node's batches come in, -1 where that is not known.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int, int], int] = {}
        self.address: list[I64] = []
        self.owner: list[U32] = []
        self.until_us: I64 = np.full(_FIRST, NEVER_US, np.int64)
        self.since_us: I64 = np.full(_FIRST, NEVER_US, np.int64)
        self.state: U64 = np.zeros((_FIRST, 2), np.uint64)
        self.loose: I64 = np.zeros(_FIRST, np.int64)
        self.place: U32 = np.zeros((_FIRST, 3), np.uint32)  # network, node, slice
        self.home: I64 = np.full(_FIRST, -1, np.int64)

    def __len__(self) -> int:
        return len(self.address)

    @property
    def memory_bytes(self) -> int:
        """Arrays, and an estimate of 400 bytes for what is no array of a lease."""
        columns = self.until_us.nbytes + self.since_us.nbytes + self.state.nbytes + self.loose.nbytes + self.place.nbytes + self.home.nbytes
        return columns + 12 * self.members + 400 * len(self)

    @property
    def members(self) -> int:
        return sum(map(len, self.address))

    @property
    def idle(self) -> int:
        """Leases of nothing: of nodes that are gone."""
        return len(self) - int(np.count_nonzero(self.state[: len(self)].any(axis=1)))

    def number(self, network: int, node: int, part: int) -> int:
        """The lease of a slice, made where there was none: of nothing, until before all time."""
        key = (network, node, part)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.address)
            self.address.append(np.zeros(0, np.int64))
            self.owner.append(np.zeros(0, np.uint32))
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

    def joined_members(self, leases: I64) -> tuple[I64, U32, I64]:
        """Address and owner of all members of the leases, and the position in `leases` that each belongs to."""
        numbers = leases.tolist()
        if not numbers:
            return np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, np.int64)
        of = np.repeat(np.arange(len(numbers)), [len(self.address[number]) for number in numbers])
        return np.concatenate([self.address[n] for n in numbers]), np.concatenate([self.owner[n] for n in numbers]), of

    def set_members(self, leases: I64, address: I64, owner: U32, of: I64) -> None:
        """`of`: the position in `leases` that each member belongs to, in any order."""
        if not len(leases):
            return
        order = np.argsort(of, kind="stable")
        cuts = np.searchsorted(of[order], np.arange(1, len(leases)))
        parts = zip(leases.tolist(), np.split(address[order], cuts), np.split(owner[order], cuts), strict=True)
        for number, addresses, owners in parts:
            # Copies: a view would keep the columns of all leases.
            self.address[number], self.owner[number] = addresses.copy(), owners.copy()

    def empty(self, leases: I64) -> None:
        """Leases of nothing, as if they had never been."""
        for number in leases.tolist():
            self.address[number], self.owner[number] = np.zeros(0, np.int64), np.zeros(0, np.uint32)
        self.until_us[leases] = self.since_us[leases] = NEVER_US
        self.state[leases] = 0
        self.loose[leases] = 0

    def _grow(self) -> None:
        more = len(self.until_us)
        self.until_us = np.concatenate((self.until_us, np.full(more, NEVER_US, np.int64)))
        self.since_us = np.concatenate((self.since_us, np.full(more, NEVER_US, np.int64)))
        self.state = np.concatenate((self.state, np.zeros((more, 2), np.uint64)))
        self.loose = np.concatenate((self.loose, np.zeros(more, np.int64)))
        self.place = np.concatenate((self.place, np.zeros((more, 3), np.uint32)))
        self.home = np.concatenate((self.home, np.full(more, -1, np.int64)))


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
