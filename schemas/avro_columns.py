"""Avro's encoding of whole columns: every value's bytes, padded to the widest, with their lengths.

Columns laid side by side and stripped of the padding are the concatenated encoding of the rows: what
stands in an Avro array's block. So rows that any Avro reader decodes are made without touching one.

Every byte of padding is moved, too, and every column costs some passes. So a column of few different values is encoded once a
value (`codes`), and neighbours of that kind become one column (`fused`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.columns import I64, U8, U16, U64


@dataclass(frozen=True)
class Padded:
    """n encoded values: row i is data[codes[i]], or data[i] where there are no codes."""

    data: U8  # (m, width)
    lengths: U16  # (m,)
    codes: NDArray[Any] | None = None  # (n,), positions in data

    @property
    def width(self) -> int:
        return int(self.data.shape[1])

    def take(self, order: NDArray[Any]) -> Padded:
        """The rows in another order."""
        if self.codes is None:
            return Padded(self.data[order], self.lengths[order])
        return Padded(self.data, self.lengths, self.codes[order])

    def part(self, rows: slice) -> tuple[U8, NDArray[np.bool_]]:
        """Bytes of some rows, and which of them are no padding."""
        if self.codes is None:
            return self.data[rows], np.arange(self.width, dtype=np.uint16) < self.lengths[rows, None]
        codes = self.codes[rows]
        return self.data[codes], np.arange(self.width, dtype=np.uint16) < self.lengths[codes][:, None]

    def row_lengths(self) -> U16:
        return self.lengths if self.codes is None else self.lengths[self.codes]


def encode_integers(values: NDArray[Any]) -> Padded:
    """int and long, from any integer column whose values fit an int64."""
    if len(values) and values.min() == values.max():
        return Padded(*_varints(_zigzag(values[:1])), np.zeros(len(values), np.intp))
    return Padded(*_varints(_zigzag(values)))


def encode_runs(values: NDArray[Any]) -> Padded:
    """`encode_integers` for a column in which equal values stand together: every value is encoded once."""
    if not len(values):
        return encode_integers(values)
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    distinct, code = np.unique(values[begins], return_inverse=True)
    return Padded(*_varints(_zigzag(distinct)), np.repeat(code, np.diff(np.append(begins, len(values)))))


def encode_booleans(values: NDArray[np.bool_]) -> Padded:
    return Padded(np.array([[0], [1]], np.uint8), np.ones(2, np.uint16), values.astype(np.intp))


def encode_texts(texts: Sequence[str], codes: NDArray[Any]) -> Padded:
    """Column i is texts[codes[i]]."""
    encoded = [encode_text(text) for text in texts] or [b""]
    width = max(map(len, encoded))
    data = np.frombuffer(b"".join(text.ljust(width, b"\0") for text in encoded), np.uint8).reshape(len(encoded), width)
    return Padded(data, np.array([len(text) for text in encoded], np.uint16), codes)


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


def fused(columns: Sequence[Padded], rows: int) -> list[Padded]:
    """Neighbouring columns with codes as one, as long as few combinations are possible; else as they are."""
    sizes = [len(column.lengths) for column in columns]
    codes = [column.codes for column in columns if column.codes is not None]
    if len(codes) < len(columns) or prod(sizes) > max(1 << 16, 4 * rows):
        return list(columns)
    together = np.zeros(rows, np.intp)
    for code, size in zip(codes, sizes, strict=True):
        together = together * size + code
    occurs = np.zeros(prod(sizes), np.bool_)
    occurs[together] = True
    used = np.flatnonzero(occurs)
    number = np.zeros(len(occurs), np.intp)
    number[used] = np.arange(len(used))
    parts = np.unravel_index(used, sizes)
    return [_side_by_side([replace(column, codes=part) for column, part in zip(columns, parts, strict=True)], len(used), number[together])]


def _side_by_side(columns: Sequence[Padded], rows: int, codes: NDArray[Any]) -> Padded:
    """The rows of the columns joined, and padded anew."""
    data, offsets = join_rows(columns, rows)
    lengths = np.diff(offsets).astype(np.uint16)
    padded = np.zeros((rows, int(lengths.max(initial=0))), np.uint8)
    padded[np.arange(padded.shape[1], dtype=np.uint16) < lengths[:, None]] = np.frombuffer(data, np.uint8)
    return Padded(padded, lengths, codes)


def join_rows(columns: Sequence[Padded], rows: int, chunk_bytes: int = 1 << 20) -> tuple[bytes, I64]:
    """The encoding of all rows, one after the other, and n + 1 offsets into it.

    Works in pieces of about `chunk_bytes` of padded rows, so that they stay in the processor's cache.
    """
    width = sum(column.width for column in columns)
    step = max(1, chunk_bytes // max(1, width))
    lengths = sum((column.row_lengths() for column in columns), np.zeros(rows, np.int64))
    pieces = [_join_chunk(columns, slice(start, min(rows, start + step)), width) for start in range(0, rows, step)]
    return b"".join(pieces), np.concatenate(([0], np.cumsum(lengths)))


def _join_chunk(columns: Sequence[Padded], rows: slice, width: int) -> bytes:
    n = rows.stop - rows.start
    padded, used = np.empty((n, width), np.uint8), np.empty((n, width), np.bool_)
    at = 0
    for column in columns:
        span = slice(at, at + column.width)
        padded[:, span], used[:, span] = column.part(rows)
        at += column.width
    return np.compress(used.ravel(), padded.ravel()).tobytes()


def _zigzag(values: NDArray[Any]) -> U64:
    if values.dtype.kind == "u":
        return values.astype(np.uint64) << np.uint64(1)
    signed = values.astype(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _varints(values: U64) -> tuple[U8, U16]:
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
