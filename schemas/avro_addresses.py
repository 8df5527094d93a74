"""Avro's encoding of address columns as texts. IPv4 is put together from the texts of its octets, without a text a row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.addresses import MAPPED, format_address
from schemas.avro_columns import Padded, encode_long, encode_texts
from schemas.columns import U8, U16

_PREFIX = b"::ffff:"
_MAPPED = np.frombuffer(MAPPED.ljust(16, b"\0"), "<u4")[:3]


def encode_addresses(ip: U8) -> list[Padded]:
    """(n, 16) bytes: a column of texts, in one part or several that stand side by side."""
    words = np.ascontiguousarray(ip).view("<u4").reshape(-1, 4)
    if (words[:, :3] == _MAPPED).all():
        return _mapped(ip[:, 12:])
    distinct = pc.dictionary_encode(pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ip), [None, pa.py_buffer(words)]))
    return [encode_texts(list(map(format_address, distinct.dictionary.to_pylist())), distinct.indices.to_numpy(zero_copy_only=False))]


def _mapped(octets: U8) -> list[Padded]:
    size = _OCTET_LENGTHS[octets].sum(axis=1, dtype=np.uint16) - 4
    parts = [Padded(_OCTETS, _OCTET_LENGTHS, octets[:, place].astype(np.intp)) for place in range(3)]
    return [Padded(_HEADS, _HEAD_LENGTHS, size.astype(np.intp)), *parts, Padded(_OCTETS, _LAST_LENGTHS, octets[:, 3].astype(np.intp))]


def _table(texts: list[bytes]) -> tuple[U8, U16]:
    width = max(map(len, texts))
    data = np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(len(texts), width)
    return data, np.array([len(text) for text in texts], np.uint16)


_OCTETS, _OCTET_LENGTHS = _table([f"{octet}.".encode() for octet in range(256)])
_LAST_LENGTHS: U16 = (_OCTET_LENGTHS - 1).astype(np.uint16)
# By the digits of all four octets: the length of the whole text, dots included, and how it begins.
_HEADS, _HEAD_LENGTHS = _table([encode_long(len(_PREFIX) + digits + 3) + _PREFIX for digits in range(13)])
