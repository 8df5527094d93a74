"""Many short sorted lists in few long arrays: the time ranges of each address, side by side in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64

_FIRST_ROWS = 1 << 10
_CHUNK = 65_536


class RaggedArray:
    """List i holds `counts[i]` rows from `offsets[i]` on, in every column. Each list has a little room to grow in place.

    A list that outgrows its room moves to the end; once more than a third of the arrays is abandoned, they are packed. Rows that no list
    has held are 0: `last` of an empty list may be one of them.
    """

    def __init__(self, **dtypes: Any) -> None:
        self.columns: dict[str, NDArray[Any]] = {name: np.zeros(_FIRST_ROWS, dtype) for name, dtype in dtypes.items()}
        self.offsets: I64 = np.zeros(0, np.int64)
        self.counts: NDArray[np.int32] = np.zeros(0, np.int32)
        self._rooms: NDArray[np.int32] = np.zeros(0, np.int32)
        self._lists = 0
        self._tail = 0
        self._abandoned = 0
        self.rows = 0

    @property
    def memory_bytes(self) -> int:
        arrays = (*self.columns.values(), self.offsets, self.counts, self._rooms)
        return sum(array.nbytes for array in arrays)

    def resize(self, lists: int) -> None:
        """Make lists up to number `lists` exist; new ones are empty."""
        if lists > len(self.counts):
            more = lists + lists // 4 - len(self.counts)
            self.offsets = np.concatenate((self.offsets, np.zeros(more, np.int64)))
            self.counts = np.concatenate((self.counts, np.zeros(more, np.int32)))
            self._rooms = np.concatenate((self._rooms, np.zeros(more, np.int32)))
        self._lists = max(self._lists, lists)

    def positions(self, lists: I64) -> I64:
        """Where the rows of the given lists are, list after list."""
        counts = self.counts[lists].astype(np.int64)
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        where: I64 = np.arange(total) + np.repeat(self.offsets[lists] - (ends - counts), counts)
        return where

    def last(self, lists: I64) -> I64:
        """Where the last row of each list is; of an empty list any row."""
        where: I64 = np.maximum(self.offsets[lists] + self.counts[lists] - 1, 0)
        return where

    def put(self, lists: I64, counts: I64, **rows: NDArray[Any]) -> None:
        """Replace the given lists (each named once) by `counts` rows each, taken from `rows` in order."""
        self.rows += int(counts.sum()) - int(self.counts[lists].sum())
        grown = counts > self._rooms[lists]
        if grown.any():
            self._move(lists[grown], counts[grown])
        self.counts[lists] = counts
        where = self.positions(lists)
        for name, values in rows.items():
            self.columns[name][where] = values
        if self._abandoned > max(_FIRST_ROWS, self._tail // 3):
            self.pack()

    def drop_ended(self, before_us: int) -> None:
        """Drop the rows whose `end_us` is not later."""
        for first in range(0, self._lists, _CHUNK):
            some = np.arange(first, min(first + _CHUNK, self._lists))
            where = self.positions(some)
            kept = self.columns["end_us"][where] > before_us
            if not kept.all():
                counts = np.bincount(np.repeat(some - first, self.counts[some])[kept], minlength=len(some))
                self.put(some, counts, **{name: column[where[kept]] for name, column in self.columns.items()})

    def pack(self) -> None:
        """Close the gaps that moved lists left behind, one column at a time to keep the peak low."""
        everything = np.arange(self._lists)
        where = self.positions(everything)
        counts = self.counts[: self._lists].astype(np.int64)
        rooms = _room(counts)
        offsets = np.cumsum(rooms) - rooms
        self._tail, self._abandoned = int(rooms.sum()), 0
        self.offsets[: self._lists], self._rooms[: self._lists] = offsets, rooms
        target = self.positions(everything)
        for name, old in list(self.columns.items()):
            packed = np.zeros(max(_FIRST_ROWS, self._tail), old.dtype)
            packed[target] = old[where]
            self.columns[name] = packed

    def _move(self, lists: I64, counts: I64) -> None:
        rooms = _room(counts)
        self._abandoned += int(self._rooms[lists].sum())
        self.offsets[lists] = self._tail + np.cumsum(rooms) - rooms
        self._rooms[lists] = rooms
        self._tail += int(rooms.sum())
        for name, old in list(self.columns.items()):
            if self._tail > len(old):
                grown = np.zeros(self._tail + self._tail // 2, old.dtype)
                grown[: len(old)] = old
                self.columns[name] = grown


def _room(counts: I64) -> I64:
    """A quarter more than needed, at least one more; nothing for an empty list."""
    room: I64 = np.where(counts > 0, counts + np.maximum(1, counts // 4), 0)
    return room
