"""Avro's varints of integer columns that stand side by side: bytes of whole rows, made column by column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U8, U64

_PIECE_ROWS = 8_192
"""So many rows stand padded at a time: they stay in the processor's cache."""
_PAIR_BITS = 14
"""What two bytes of a varint hold."""
_FOLLOWED = 1 << _PAIR_BITS
_PAIR_MASK = _FOLLOWED - 1


def varint_rows(columns: Sequence[NDArray[Any]]) -> tuple[U8, NDArray[np.int32]]:
    """The varints of n rows, one row after the other, and n + 1 offsets into them. Values fit an int64."""
    zigzag = [_zigzag(column) for column in columns]
    rows = len(zigzag[0])
    offsets, pieces = np.zeros(rows + 1, np.int32), []
    padding = _Padding([_width(column) for column in zigzag], min(rows, _PIECE_ROWS))
    for first in range(0, rows, _PIECE_ROWS):
        some = [column[first : first + _PIECE_ROWS] for column in zigzag]
        data, offsets[first + 1 : first + 1 + len(some[0])] = padding.varints(some)
        pieces.append(data)
    np.cumsum(offsets, out=offsets)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint8), offsets


def _zigzag(values: NDArray[Any]) -> U64:
    if values.dtype.kind == "u":
        return values.astype(np.uint64) << np.uint64(1)
    signed = values.astype(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _width(values: U64) -> int:
    """Bytes of the longest value."""
    return max(1, -(-int(values.max(initial=0)).bit_length() // 7))


@cache
def _pairs() -> NDArray[np.uint16]:
    """The two bytes of 14 bits of a value, and after those, in the second half, of 14 bits that more follow."""
    bits = np.arange(2 * _FOLLOWED, dtype=np.uint16)
    low, high, more = bits & 0x7F, bits >> 7 & 0x7F, bits >> _PAIR_BITS
    low |= ((high | more) > 0).astype(np.uint16) << 7
    return (low | (high | more << 7) << 8).astype("<u2")


class _Padding:
    """Rows of so many bytes that the longest varint of every column has its place, filled a piece at a time.

    What is left over of a place is 0, and told from a varint by the byte before it, which says that none follows.
    """

    def __init__(self, widths: Sequence[int], rows: int) -> None:
        self._widths = widths
        self._stride = -(-sum(widths) // 8) * 8  # whole words, to be counted by
        begins = np.zeros(self._stride, np.uint8)
        begins[np.cumsum([0, *widths[:-1]])] = 1
        self._begins = np.tile(begins, rows)
        self._bytes = np.zeros(rows * self._stride, np.uint8)
        self._counts = np.zeros(rows * self._stride + 1, np.uint8)  # 1: a byte of a varint

    def varints(self, columns: Sequence[U64]) -> tuple[U8, NDArray[np.int32]]:
        """The bytes of each row's values, row after row, and how many they are."""
        rows, at = len(columns[0]), 0
        for column, width in zip(columns, self._widths, strict=True):
            self._fill(at, column, width)
            at += width
        size = rows * self._stride
        padded, counts = self._bytes[:size], self._counts[:size]
        np.right_shift(padded, 7, out=self._counts[1 : size + 1])
        counts[0] = 0
        counts |= self._begins[:size]
        lengths = _byte_sums(counts.view(np.uint64).reshape(rows, -1))
        width = sum(self._widths)
        if int(lengths.min()) == width:
            return padded.reshape(rows, -1)[:, :width].ravel(), lengths
        return np.compress(counts.view(np.bool_), padded), lengths

    def _fill(self, at: int, values: U64, width: int) -> None:
        pairs = _pairs()
        for left in range(width, 2, -2):
            followed = values & np.uint64(_PAIR_MASK) | np.uint64(_FOLLOWED)  # no more than the value, but where it has no more bits
            self._place("<u2", at + width - left, len(values))[:] = pairs[np.minimum(values, followed).view(np.int64)]
            values = values >> np.uint64(_PAIR_BITS)
        if width % 2:
            self._place("u1", at + width - 1, len(values))[:] = values
        else:
            self._place("<u2", at + width - 2, len(values))[:] = pairs[values.view(np.int64)]

    def _place(self, kind: str, at: int, rows: int) -> NDArray[Any]:
        """Of each row, the number at byte `at`."""
        return np.ndarray((rows,), kind, self._bytes, at, (self._stride,))


def _byte_sums(words: U64) -> NDArray[np.int32]:
    """The sum of the bytes of each row, which is below 256."""
    sums = words[:, 0].copy()
    for column in range(1, words.shape[1]):
        sums += words[:, column]
    sums *= np.uint64(0x0101010101010101)
    return (sums >> np.uint64(56)).astype(np.int32)
