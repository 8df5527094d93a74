"""Addresses between text and 16 bytes in network order, IPv4 as ::ffff:a.b.c.d in both.

Text is what ClickHouse prints for an IPv6 value: RFC 5952, with the last four bytes dotted where the
address is IPv4-mapped or IPv4-compatible.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from schemas.errors import Unreadable
from schemas.records.flow_batch import U8

MAPPED = b"\x00" * 10 + b"\xff\xff"
"""What comes before the four bytes of an IPv4 address."""

_CACHED = 65_536


@lru_cache(_CACHED)
def parse_address(text: str) -> bytes:
    """16 bytes of an IPv4 or IPv6 address. Raises Unreadable: no address, a host name, a zone, a prefix length."""
    try:
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        return MAPPED + socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):  # ValueError: a NUL or a lone surrogate in the text
        raise Unreadable(f"{ascii(text[:60])} is no IP address; write it like 10.0.0.1 or 2001:db8::1.") from None


@lru_cache(_CACHED)
def format_address(address: bytes) -> str:
    """Text of 16 bytes."""
    return socket.inet_ntop(socket.AF_INET6, address)


def parse_addresses(texts: Iterable[str]) -> U8:
    """(n, 16) bytes of n texts. Raises Unreadable for the first that is none."""
    return np.frombuffer(b"".join(map(parse_address, texts)), np.uint8).reshape(-1, 16)


def split_addresses(addresses: U8) -> Iterator[bytes]:
    """The rows of an (n, 16) array as bytes, trailing zeros included."""
    data = np.ascontiguousarray(addresses, np.uint8).tobytes()
    return (data[at : at + 16] for at in range(0, len(data), 16))
