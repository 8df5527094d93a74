"""Addresses as small consecutive numbers: an exact hash table that is searched by columns."""

from __future__ import annotations

import numpy as np

from schemas.arrays import I64, U8, U16, U32, U64
from streams.columns.hashing import address_words, mix

MISSING = -1
_FIRST_SLOTS = 1 << 10


class AddressIndex:
    """(network, ip, protocol, port) -> id, the ids being 0, 1, 2, ... as keys come.

    Keys are compared whole: two addresses of one hash stay two addresses. 32 to 40 bytes an address.
    """

    def __init__(self) -> None:
        self.count = 0
        self._keys = np.empty((3, _FIRST_SLOTS), np.uint64)
        self._slots = np.full(_FIRST_SLOTS, MISSING, np.int32)

    @property
    def memory_bytes(self) -> int:
        return self._keys.nbytes + self._slots.nbytes

    @property
    def keys(self) -> U64:
        """(3, count): two address words and `key_columns`' third word."""
        return self._keys[:, : self.count]

    def find(self, keys: U64) -> I64:
        """Ids of the keys, MISSING where unknown."""
        found = np.full(keys.shape[1], MISSING, np.int64)
        rows = np.arange(keys.shape[1])
        slot = self._home(keys)
        while rows.size:
            held = self._slots[slot].astype(np.int64)
            wanted = keys if rows.size == keys.shape[1] else keys[:, rows]
            hit = held >= 0
            for part in range(3):
                hit &= self._keys[part][held] == wanted[part]
            found[rows[hit]] = held[hit]
            onward = (held >= 0) & ~hit
            rows, slot = rows[onward], (slot[onward] + 1) & (len(self._slots) - 1)
        return found

    def intern(self, keys: U64) -> I64:
        """Ids of the keys, new ones given where there were none."""
        found = self.find(keys)
        missing = np.flatnonzero(found < 0)
        if missing.size:
            self._append(_distinct(keys[:, missing]))
            found[missing] = self.find(np.ascontiguousarray(keys[:, missing]))
        return found

    def _append(self, fresh: U64) -> None:
        first, self.count = self.count, self.count + fresh.shape[1]
        if self.count > self._keys.shape[1]:
            grown = np.empty((3, self.count + self.count // 4), np.uint64)
            grown[:, :first] = self._keys[:, :first]
            self._keys = grown
        self._keys[:, first : self.count] = fresh
        if 2 * self.count > len(self._slots):
            self._slots = np.full(1 << (2 * self.count - 1).bit_length(), MISSING, np.int32)
            first = 0
        self._place(np.arange(first, self.count, dtype=np.int32))

    def _place(self, ids: np.ndarray[tuple[int], np.dtype[np.int32]]) -> None:
        """Give every id the first free slot from its home on. Where two want one slot, one gets it and the other goes on."""
        slot = self._home(self._keys[:, ids])
        while ids.size:
            free = self._slots[slot] < 0
            self._slots[slot[free]] = ids[free]
            onward = self._slots[slot] != ids
            ids, slot = ids[onward], (slot[onward] + 1) & (len(self._slots) - 1)

    def _home(self, keys: U64) -> I64:
        return (mix((keys[0], keys[1], keys[2])) & np.uint64(len(self._slots) - 1)).astype(np.int64)


def _distinct(keys: U64) -> U64:
    """Each once. Equal keys have equal hashes, and are neighbours by them unless other keys have the same one."""
    hashes = mix((keys[0], keys[1], keys[2]))
    order = np.argsort(hashes)
    ordered, hashes = keys[:, order], hashes[order]
    differs = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    if (differs & (hashes[1:] == hashes[:-1])).any():
        return np.ascontiguousarray(np.unique(keys, axis=1))
    return np.ascontiguousarray(ordered[:, np.append(True, differs)])


def key_columns(network: U32, ip: U8, protocol: U8, port: U16) -> U64:
    """(3, n) words. `network`: a number for the name. A whole address has port 0, whatever `protocol` says."""
    low = port.astype(np.uint64)
    low |= np.where(port == 0, 0, protocol).astype(np.uint64) << np.uint64(16)
    low |= network.astype(np.uint64) << np.uint64(32)
    return np.stack((*address_words(ip), low))


def split_keys(keys: U64) -> tuple[U32, U8, U8, U16]:
    """Network numbers, (n, 16) addresses, protocols and ports of `key_columns`' words."""
    ip = np.ascontiguousarray(keys[:2].T).astype("<u8").view(np.uint8).reshape(-1, 16)
    low = keys[2]
    return (
        (low >> np.uint64(32)).astype(np.uint32),
        ip,
        (low >> np.uint64(16)).astype(np.uint8),
        low.astype(np.uint16),
    )
