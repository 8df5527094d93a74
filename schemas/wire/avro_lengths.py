"""Avro's encoding of a length, of an array or of bytes: a zigzag varint that is never negative."""

from __future__ import annotations

from functools import lru_cache

_LENGTHS = 4_096
_LENGTH_BYTES = 5


@lru_cache(_LENGTHS)
def varint(length: int) -> bytes:
    left, found = length << 1, bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes((*found, left))


def read_length(body: bytes | memoryview, at: int) -> tuple[int, int]:
    """The length, and where its bytes end. Raises ValueError for a negative one and for more than five bytes, IndexError behind the end."""
    number = 0
    for shift in range(_LENGTH_BYTES):
        byte = body[at + shift]
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80 and not number & 1:
            return number >> 1, at + shift + 1
    raise ValueError
