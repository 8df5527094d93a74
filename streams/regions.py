"""Which region an address belongs to: the longest prefix that matches, once for each distinct address."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

import numpy as np
from numpy.typing import NDArray

from schemas.columns import U8, U64
from streams.attribution import is_loopback

Prefix = tuple[IPv4Network | IPv6Network, str]
HERE = -1
_MAPPED = 96
_V4_MAPPED = np.frombuffer(bytes(10) + b"\xff\xff", np.uint8)


class Regions:
    """`names`: the other regions, as `of` numbers them. Without prefixes, every address is of the home region."""

    def __init__(self, home: str, prefixes: Iterable[Prefix] = ()) -> None:
        self.home = home
        known = sorted(prefixes, key=lambda prefix: _length(prefix[0]))
        self.names = tuple(sorted({region for _, region in known} - {home}))
        number = {home: HERE, **{name: index for index, name in enumerate(self.names)}}
        self._prefixes = [(*_words(network), _length(network) < _MAPPED, number[region]) for network, region in known]

    def of(self, ip: U8) -> NDArray[np.int16]:
        """(n, 16) addresses to numbers in `names`; HERE: of the home region, of none, or never leaving its machine."""
        if not self.names or not len(ip):
            return np.full(len(ip), HERE, np.int16)
        rows, row_of = _distinct(ip)
        distinct = ip[rows]
        words = _as_words(distinct)
        mapped = (distinct[:, :12] == _V4_MAPPED).all(axis=1)
        found = np.full(len(distinct), HERE, np.int16)
        for address, mask, only_v6, region in self._prefixes:  # short ones first: the longest has the last word
            matches = ((words & mask) == address).all(axis=1)
            found[matches & ~mapped if only_v6 else matches] = region
        found[is_loopback(distinct)] = HERE
        numbers: NDArray[np.int16] = found[row_of]
        return numbers


def _length(network: IPv4Network | IPv6Network) -> int:
    return network.prefixlen + (_MAPPED if network.version == 4 else 0)


def _words(network: IPv4Network | IPv6Network) -> tuple[U64, U64]:
    """Address and mask as they stand in a row of 16 bytes: IPv4 as ::ffff:a.b.c.d."""
    packed = network.network_address.packed
    mask = ((1 << 128) - (1 << (128 - _length(network)))).to_bytes(16, "big")
    rows = np.frombuffer((packed if network.version == 6 else _V4_MAPPED.tobytes() + packed) + mask, np.uint8).reshape(2, 16)
    address, mask_words = _as_words(rows)
    return address, mask_words


def _as_words(ip: U8) -> U64:
    """(n, 16) bytes as (n, 2) words, to be compared and masked, not ordered."""
    return np.ascontiguousarray(ip).view(np.uint64).reshape(-1, 2)


def _distinct(ip: U8) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A row of every distinct address, and for each row which of those it is."""
    words = _as_words(ip)
    order = np.lexsort((words[:, 0], words[:, 1]))
    new = np.append(True, (words[order][1:] != words[order][:-1]).any(axis=1))
    row_of = np.empty(len(order), np.int64)
    row_of[order] = np.cumsum(new) - 1
    return order[new], row_of
