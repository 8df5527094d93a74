"""Addresses between text and 16 bytes in network order, IPv4 as ::ffff:a.b.c.d in both.

Text is what ClickHouse prints for an IPv6 value: RFC 5952, with the last four bytes dotted where the
address is IPv4-mapped or IPv4-compatible.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U8
from schemas.errors import Unreadable

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


def is_loopback(addresses: U8) -> NDArray[np.bool_]:
    """Row by row of (n, 16): 127.0.0.0/8 and ::1, the machine itself."""
    high, low = _words(addresses)
    loopback: NDArray[np.bool_] = (high == 0) & ((low >> np.uint64(24) == 0xFFFF7F) | (low == 1))
    return loopback


def is_group(addresses: U8) -> NDArray[np.bool_]:
    """Row by row of (n, 16): multicast (224.0.0.0/4, ff00::/8) and the limited broadcast 255.255.255.255.

    The broadcast address of a subnet looks like any other: its prefix length would have to be known.
    """
    high, low = _words(addresses)
    group: NDArray[np.bool_] = (high >> np.uint64(56) == 0xFF) | (high == 0) & (
        (low >> np.uint64(28) == 0xFFFFE) | (low == 0xFFFF_FFFF_FFFF)
    )
    return group


def is_link_local(addresses: U8) -> NDArray[np.bool_]:
    """Row by row of (n, 16): 169.254.0.0/16 and fe80::/10, of which every link has its own."""
    high, low = _words(addresses)
    link_local: NDArray[np.bool_] = (high >> np.uint64(54) == 0x3FA) | (high == 0) & (low >> np.uint64(16) == 0xFFFF_A9FE)
    return link_local


def _words(addresses: U8) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    words = np.ascontiguousarray(addresses, np.uint8).view(">u8").astype(np.uint64).reshape(-1, 2)
    return words[:, 0], words[:, 1]
