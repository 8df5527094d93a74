"""Avro's encoding of address columns as texts. IPv4 is put together from the texts of its halves, without a text a row."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.addresses import MAPPED, format_address
from schemas.arrays import U8, U32
from schemas.wire.avro_columns import Encoded, distinct_runs, encode_long, encode_texts

_PREFIX = b"::ffff:"
_MAPPED = np.frombuffer(MAPPED.ljust(16, b"\0"), "<u8")
_LOW_DIGITS = 5
"""How many digits two octets may have together: from 2 to 6."""


def encode_addresses(ip: U8) -> list[Encoded]:
    """(n, 16) bytes: a column of texts, in one part or several that stand side by side."""
    numbers = _mapped(ip)
    return [_distinct(ip)] if numbers is None else _parts(numbers)


def encode_few_addresses(ip: U8) -> Encoded:
    """The same as one column, with each address once, for a column that has each in many rows."""
    numbers = _mapped(ip)
    if numbers is None:
        return _distinct(ip)
    distinct, codes = distinct_runs(numbers)
    parts = [column.values.take(pa.array(column.codes)) for column in _parts(distinct)]
    texts = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.binary()))
    return Encoded(texts, codes)


def _mapped(ip: U8) -> U32 | None:
    """IPv4 addresses as numbers, None where there are others."""
    halves = np.ascontiguousarray(ip).view("<u8").reshape(-1, 2)
    high, low = _MAPPED.tolist()
    if halves[:, 0].any() or ((halves[:, 1] & 0xFFFFFFFF) != low).any():
        return None
    return (halves[:, 1] >> np.uint64(32)).astype(np.uint32).byteswap()


def _distinct(ip: U8) -> Encoded:
    found = pc.dictionary_encode(pa.Array.from_buffers(pa.binary(16), len(ip), [None, pa.py_buffer(np.ascontiguousarray(ip))]))
    return encode_texts(list(map(format_address, found.dictionary.to_pylist())), found.indices.to_numpy(zero_copy_only=False))


def _parts(numbers: U32) -> list[Encoded]:
    """The first half of each text, and the second."""
    begins, ends, digits = _tables()
    low = (numbers & 0xFFFF).astype(np.intp)
    first = (numbers >> np.uint32(16)).astype(np.int32) * _LOW_DIGITS + digits[low]
    return [Encoded(begins, first), Encoded(ends, low.astype(np.int32))]


@cache
def _tables() -> tuple[pa.BinaryArray, pa.BinaryArray, NDArray[np.int32]]:
    """The first half by its octets and the digits of the others: the text's length, the prefix and "a.b."; "c.d"; their digits less 2."""
    ends = [f"{octet}.{other}" for octet in range(256) for other in range(256)]
    digits = np.array([len(end) - 1 for end in ends], np.int32)
    heads = pa.array([encode_long(len(_PREFIX) + count + 3) + _PREFIX for count in range(13)], pa.binary())
    octets = pa.array([f"{end}.".encode() for end in ends], pa.binary())
    head = (digits[:, None] + np.arange(2, 2 + _LOW_DIGITS)).ravel()
    high = np.repeat(np.arange(len(ends)), _LOW_DIGITS)
    begins = pc.binary_join_element_wise(heads.take(pa.array(head)), octets.take(pa.array(high)), pa.scalar(b"", pa.binary()))
    return begins, pa.array(ends, pa.binary()), digits - 2
