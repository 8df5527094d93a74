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

from schemas.columns import I64, U8, U16, U64

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
        return self.values.take(pa.array(self.codes[rows]))

    def row_lengths(self) -> I64:
        lengths: I64 = pc.binary_length(self.values).to_numpy(zero_copy_only=False).astype(np.int64)
        return lengths if self.codes is None else lengths[self.codes]


def encode_integers(*columns: NDArray[Any]) -> Encoded:
    """int and long, from integer columns whose values fit an int64; several stand side by side."""
    return Encoded(_unpadded([_varints(_zigzag(column)) for column in columns]))


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


def _unpadded(parts: Sequence[tuple[U8, U16]]) -> pa.BinaryArray:
    """Rows of several columns of padded values (bytes, and how many of them count), without the padding."""
    padded = np.concatenate([data for data, _ in parts], axis=1)
    rows = len(padded)
    used = np.concatenate([np.arange(data.shape[1], dtype=np.uint16) < length[:, None] for data, length in parts], axis=1)
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(np.sum([length for _, length in parts], axis=0, dtype=np.int32), out=offsets[1:])
    data = padded if used.all() else np.compress(used.ravel(), padded.ravel())
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))])


def _zigzag(values: NDArray[Any]) -> U64:
    if values.dtype.kind == "u":
        return values.astype(np.uint64) << np.uint64(1)
    signed = values.astype(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _varints(values: U64) -> tuple[U8, U16]:
    """Every value's bytes, padded to the widest, and how many they are."""
    largest = int(values.max(initial=0))
    widest = max(1, -(-largest.bit_length() // 7))
    rest: NDArray[Any] = values.astype(np.uint32) if largest < 1 << 32 else values
    lengths = np.ones(len(values), np.uint16)
    data = np.empty((len(values), widest), np.uint8)
    for k in range(widest):
        data[:, k] = rest
        if k < widest - 1:
            rest = rest >> rest.dtype.type(7)
            more = rest > 0
            lengths += more
            data[:, k] &= 0x7F
            data[:, k] |= more.view(np.uint8) << 7
    return data, lengths
