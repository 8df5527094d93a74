"""Avro's encoding of address columns as texts. IPv4 is put together from the texts of its halves, without a text a row."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.addresses import MAPPED, format_address
from schemas.arrays import I64, U8
from schemas.wire.avro_columns import Encoded, encode_long, encode_texts

_PREFIX = b"::ffff:"
_MAPPED = np.frombuffer(MAPPED.ljust(16, b"\0"), "<u4")[:3]
_DIGITS = np.array([len(str(octet)) for octet in range(256)], np.uint8)


def encode_addresses(ip: U8) -> list[Encoded]:
    """(n, 16) bytes: a column of texts, in one part or several that stand side by side."""
    words = np.ascontiguousarray(ip).view("<u4").reshape(-1, 4)
    if (words[:, :3] == _MAPPED).all():
        return _mapped(ip[:, 12:])
    distinct = pc.dictionary_encode(pa.Array.from_buffers(pa.binary(16), len(ip), [None, pa.py_buffer(words)]))
    return [encode_texts(list(map(format_address, distinct.dictionary.to_pylist())), distinct.indices.to_numpy(zero_copy_only=False))]


def _mapped(octets: U8) -> list[Encoded]:
    heads, high, low = _tables()
    halves = np.ascontiguousarray(octets).view(">u2").astype(np.int32)
    digits: I64 = _DIGITS[octets].sum(axis=1)
    return [Encoded(heads, digits.astype(np.int32)), Encoded(high, halves[:, 0]), Encoded(low, halves[:, 1])]


@cache
def _tables() -> tuple[pa.BinaryArray, pa.BinaryArray, pa.BinaryArray]:
    """How a text begins, by the digits of all four octets: its length, dots included, and the prefix. Then "a.b." and "c.d"."""
    heads = [encode_long(len(_PREFIX) + digits + 3) + _PREFIX for digits in range(13)]
    high = [f"{octet}.{other}." for octet in range(256) for other in range(256)]
    return tuple(pa.array(texts, pa.binary()) for texts in (heads, high, [text[:-1] for text in high]))
