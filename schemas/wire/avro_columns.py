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
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.arrays import I64, U8, U64

_PIECE_ROWS = 16_384
"""So many rows are joined at a time: they stay in the processor's cache, and far below the 2 GiB of one binary column."""
_PIECE_INTEGERS = 8_192
"""The same for integers, whose bytes stand padded meanwhile."""
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
        return self.values.take(pa.array(self.codes[rows]))

    def row_lengths(self) -> I64:
        lengths: I64 = pc.binary_length(self.values).to_numpy(zero_copy_only=False).astype(np.int64)
        return lengths if self.codes is None else lengths[self.codes]


def encode_integers(*columns: NDArray[Any]) -> Encoded:
    """int and long, from integer columns whose values fit an int64; several stand side by side."""
    zigzag = [_zigzag(column) for column in columns]
    widths = [_width(column) for column in zigzag]
    narrow = [column.astype(np.uint32) if width < 5 else column for column, width in zip(zigzag, widths, strict=True)]
    rows = len(columns[0])
    offsets, pieces = np.zeros(rows + 1, np.int32), []
    for first in range(0, rows, _PIECE_INTEGERS):
        some = [column[first : first + _PIECE_INTEGERS] for column in narrow]
        data, offsets[first + 1 : first + 1 + len(some[0])] = _varints(some, widths)
        pieces.append(data)
    np.cumsum(offsets, out=offsets)
    data = np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)
    return Encoded(pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)]))


def encode_runs(values: NDArray[Any]) -> Encoded:
    """`encode_integers` for a column in which equal values stand together: every value is encoded once."""
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.intp)
    distinct, code = np.unique(values[begins], return_inverse=True)
    return replace(encode_integers(distinct), codes=np.repeat(code, np.diff(np.append(begins, len(values)))).astype(np.int32))


def encode_booleans(values: NDArray[np.bool_]) -> Encoded:
    return Encoded(pa.array([b"\0", b"\1"], pa.binary()), values.astype(np.int32))


def encode_texts(texts: Sequence[str], codes: NDArray[Any]) -> Encoded:
    """Row i is texts[codes[i]]."""
    return Encoded(pa.array(map(encode_text, texts), pa.binary()), codes.astype(np.int32, copy=False))


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
    """Neighbouring columns with codes as one, as long as few combinations are possible; else as they are."""
    sizes = [len(column.values) for column in columns]
    codes = [column.codes for column in columns if column.codes is not None]
    if len(codes) < len(columns) or prod(sizes) > max(1 << 16, 4 * rows):
        return list(columns)
    together = np.zeros(rows, np.intp)
    for code, size in zip(codes, sizes, strict=True):
        together = together * size + code
    occurs = np.zeros(prod(sizes), np.bool_)
    occurs[together] = True
    used = np.flatnonzero(occurs)
    number = np.zeros(len(occurs), np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    parts = [column.values.take(pa.array(part)) for column, part in zip(columns, np.unravel_index(used, sizes), strict=True)]
    return [Encoded(pc.binary_join_element_wise(*parts, _NOTHING), number[together])]


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


def _zigzag(values: NDArray[Any]) -> U64:
    if values.dtype.kind == "u":
        return values.astype(np.uint64) << np.uint64(1)
    signed = values.astype(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _width(values: U64) -> int:
    """Bytes of the longest value."""
    return max(1, -(-int(values.max(initial=0)).bit_length() // 7))


def _varints(columns: Sequence[NDArray[Any]], widths: Sequence[int]) -> tuple[U8, NDArray[np.int32]]:
    """The bytes of each row's values, row after row, and how many they are. `widths`: as `_width` of each column.

    Byte k of every value of a column stands in a row of its own until the end: whole rows are what numpy is quick with.
    """
    rows = len(columns[0])
    padded = np.empty((sum(widths), rows), np.uint8)
    counts = np.ones((sum(widths), rows), np.bool_)  # False: a byte beyond the value's last
    at = 0
    for rest, width in zip(columns, widths, strict=True):
        for k in range(at, at + width - 1):
            byte = (rest & 0x7F).astype(np.uint8)
            rest = rest >> rest.dtype.type(7)
            np.greater(rest, 0, out=counts[k + 1])
            np.bitwise_or(byte, counts[k + 1].view(np.uint8) << 7, out=padded[k])
        at += width
        padded[at - 1] = rest
    data: U8 = np.compress(np.ascontiguousarray(counts.T).ravel(), np.ascontiguousarray(padded.T).ravel())
    return data, counts.sum(axis=0, dtype=np.int32)
