"""Avro's encoding of whole columns, as Arrow's binary columns: row i is the encoded value of row i.

Joined element by element they are the concatenated encoding of the rows: what stands in an Avro array's block. So rows that any
Avro reader decodes are made without touching one.

Every column costs some passes. So one of few different values is encoded once a value (`codes`), neighbours of that kind become
one (`fused`), and so do neighbours of integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.arrays import I64
from schemas.wire.avro_integers import varint_rows

_PIECE_ROWS = 16_384
"""So many rows are joined at a time: they stay in the processor's cache, and far below the 2 GiB of one binary column."""
_NOTHING = pa.scalar(b"", pa.binary())


@dataclass(frozen=True)
class Encoded:
    """n encoded values: row i is values[codes[i]], or values[i] where there are no codes."""

    values: pa.BinaryArray
    codes: NDArray[np.int32] | None = None

    def take(self, order: NDArray[Any]) -> Encoded:
        """The rows in another order."""
        if self.codes is None:
            return Encoded(self.values.take(pa.array(order)))
        return replace(self, codes=self.codes[order])

    def part(self, rows: slice) -> pa.BinaryArray:
        if self.codes is None:
            return self.values[rows]
        return pc.take(self.values, pa.array(self.codes[rows]), boundscheck=False)

    @property
    def numbers(self) -> NDArray[np.int32]:
        """`codes`, also where there are none."""
        return np.arange(len(self.values), dtype=np.int32) if self.codes is None else self.codes

    def row_lengths(self) -> I64:
        lengths: I64 = pc.binary_length(self.values).to_numpy(zero_copy_only=False).astype(np.int64)
        return lengths if self.codes is None else lengths[self.codes]


def encode_integers(*columns: NDArray[Any]) -> Encoded:
    """int and long, from integer columns whose values fit an int64; several stand side by side."""
    data, offsets = varint_rows(columns)
    return Encoded(pa.Array.from_buffers(pa.binary(), len(columns[0]), [None, pa.py_buffer(offsets), pa.py_buffer(data)]))


def encode_lists(*columns: tuple[I64, NDArray[np.unsignedinteger[Any]]]) -> Encoded:
    """array<int> and array<long>, side by side. A column: n + 1 offsets, and the items of all rows. For short lists (fewer than 64 items)
    of numbers below 2^34 that are mostly 0: only the others are looked at.

    A list is one block, its number of items before it and a 0 behind it; an empty one is the 0 alone.
    """
    held = [_Held.of(offsets, items) for offsets, items in columns]
    sizes = np.stack([np.diff(offsets) for offsets, _ in columns], axis=1)
    more = np.stack([np.bincount(one.row, one.more, len(sizes)).astype(np.int64) for one in held], axis=1)
    spaces = sizes + 1 + (sizes > 0) + more
    ends = np.cumsum(spaces)
    begins = ends.reshape(spaces.shape) - spaces
    data = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    data[begins] = sizes << 1
    for number, one in enumerate(held):
        earlier = np.cumsum(more[:, number]) - more[:, number]  # bytes that items of rows before take beyond one each
        one.write(data, (begins[:, number] + 1 - earlier)[one.row] + one.place + np.cumsum(one.more) - one.more)
    offsets = np.append(begins[:, 0], len(data)).astype(np.int32)
    return Encoded(pa.Array.from_buffers(pa.binary(), len(sizes), [None, pa.py_buffer(offsets), pa.py_buffer(data)]))


class _Held(NamedTuple):
    """The items that are not 0: of which row, where in its list, their zigzag values, and how many bytes each takes beyond the first."""

    row: I64
    place: I64
    value: I64
    more: I64

    @classmethod
    def of(cls, offsets: I64, items: NDArray[np.unsignedinteger[Any]]) -> _Held:
        at = np.flatnonzero(items)
        row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[at]
        value = items[at].astype(np.int64) << 1
        more = np.zeros(len(at), np.int64)
        for byte in range(1, 5):
            if (large := value >> 7 * byte > 0).any():
                more += large
        return cls(row, at - offsets[row], value, more)

    def write(self, data: NDArray[np.uint8], begin: I64) -> None:
        data[begin] = self.value & 0x7F | (self.more > 0).astype(np.int64) << 7
        for byte in range(1, int(self.more.max(initial=0)) + 1):
            some = np.flatnonzero(self.more >= byte)
            goes_on = (self.more[some] > byte).astype(np.int64) << 7
            data[begin[some] + byte] = self.value[some] >> 7 * byte & 0x7F | goes_on


def encode_runs(values: NDArray[Any]) -> Encoded:
    """`encode_integers` for a column in which equal values stand together: every value is encoded once."""
    distinct, codes = distinct_runs(values)
    return replace(encode_integers(distinct), codes=codes)


def encode_few(values: NDArray[np.uint16]) -> Encoded:
    """The same for numbers of two bytes in any order."""
    used, codes = _compact(values, 1 << 16)
    return replace(encode_integers(used), codes=codes)


def distinct_runs(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """The different values, and which of them each row has. Quick where equal values stand together."""
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.intp)
    distinct, code = np.unique(values[begins], return_inverse=True)
    return distinct, np.repeat(code.astype(np.int32), np.diff(np.append(begins, len(values))))


def encode_booleans(values: NDArray[np.bool_]) -> Encoded:
    return Encoded(pa.array([b"\0", b"\1"], pa.binary()), values.astype(np.int32))


def encode_texts(texts: Sequence[str] | pa.StringArray, codes: NDArray[Any]) -> Encoded:
    """Row i is texts[codes[i]]."""
    raw = pa.array(texts, pa.string()).cast(pa.binary())
    lengths = encode_integers(pc.binary_length(raw).to_numpy(zero_copy_only=False)).values
    return Encoded(pc.binary_join_element_wise(lengths, raw, _NOTHING), codes.astype(np.int32, copy=False))


def encode_text(text: str) -> bytes:
    raw = text.encode()
    return encode_long(len(raw)) + raw


def encode_long(value: int) -> bytes:
    """One int or long."""
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*out, rest))


def fused(columns: Sequence[Encoded], rows: int) -> list[Encoded]:
    """Neighbouring columns with codes as one, as long as few combinations are possible; else in as few as can be."""
    most = max(1 << 16, 4 * rows)
    done: list[Encoded] = []
    together = list(columns[:1])
    for column in columns[1:]:
        if _combinations([*together, column]) > most:
            together = [_fused(together, rows)]  # of those that are possible, few may occur
        if _combinations([*together, column]) > most:
            done += together
            together = []
        together.append(column)
    return [*done, _fused(together, rows)]


def _combinations(columns: Sequence[Encoded]) -> int:
    return prod(len(column.values) for column in columns)


def _fused(columns: Sequence[Encoded], rows: int) -> Encoded:
    if len(columns) == 1:
        return columns[0]
    sizes = [len(column.values) for column in columns]
    together = np.zeros(rows, np.intp)
    for column, size in zip(columns, sizes, strict=True):
        if size > 1:
            together = together * size + column.numbers
    used, codes = _compact(together, prod(sizes))
    parts = [column.values.take(pa.array(part)) for column, part in zip(columns, np.unravel_index(used, sizes), strict=True)]
    return Encoded(pc.binary_join_element_wise(*parts, _NOTHING), codes)


def _compact(numbers: NDArray[Any], size: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The numbers below `size` that occur, and the rows in terms of them."""
    occurs = np.zeros(size, np.bool_)
    occurs[numbers] = True
    used = np.flatnonzero(occurs)
    code = np.zeros(size, np.int32)
    code[used] = np.arange(len(used), dtype=np.int32)
    return used, code[numbers]


def join_rows(columns: Sequence[Encoded], rows: int, piece_rows: int = _PIECE_ROWS) -> tuple[bytes, I64]:
    """The encoding of all rows, one after the other, and n + 1 offsets into it."""
    pieces: list[bytes | memoryview] = []
    ends, size = [np.zeros(1, np.int64)], 0
    for first in range(0, rows, piece_rows):
        joined = pc.binary_join_element_wise(*(column.part(slice(first, first + piece_rows)) for column in columns), _NOTHING)
        offsets = np.frombuffer(joined.buffers()[1], np.int32)[: len(joined) + 1]
        pieces.append(memoryview(joined.buffers()[2])[: offsets[-1]])
        ends.append(size + offsets[1:].astype(np.int64))
        size += int(offsets[-1])
    return b"".join(pieces), np.concatenate(ends)
