"""Avro's encoding of whole columns: every value's bytes, padded to the widest, with their lengths.

Columns laid side by side and stripped of the padding are the concatenated encoding of the rows: what
stands in an Avro array's block. So rows that any Avro reader decodes are made without touching one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    widest = max(1, -(-int(values.max()).bit_length() // 7)) if len(values) else 1
    lengths = np.ones(len(values), np.uint16)
    for k in range(1, widest):
        lengths += values >= np.uint64(1 << 7 * k)
    data = np.empty((len(values), widest), np.uint8)
    for k in range(widest):
        more = (lengths > k + 1).astype(np.uint8) << 7
        data[:, k] = (values >> np.uint64(7 * k)).astype(np.uint8) & 0x7F | more
    return data, lengths
