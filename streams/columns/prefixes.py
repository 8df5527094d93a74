"""Longest-prefix match of addresses by columns: the trie is asked once for each border of a network, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import numpy as np
from radix import Radix

from schemas.arrays import I64, U8

NOT_FOUND = -1
_MAPPED = 0xFFFF
"""What stands before the four bytes of an IPv4 address, in the second half."""


class Prefixes:
    """A set of networks, IPv4 and IPv6 apart: ::/0 holds no IPv4 address, though IPv4 is stored as ::ffff:a.b.c.d.

    Between two borders of networks all addresses have the same longest one: it is found by the border before an address.
    """

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        trie = Radix()
        for position, network in enumerate(networks):
            trie.add(packed=network.network_address.packed, masklen=network.prefixlen).data["position"] = position
        four, self._four = _spans(trie, [network for network in networks if network.version == 4], 4)
        six, self._six = _spans(trie, [network for network in networks if network.version == 6], 16)
        self._four_borders = np.frombuffer(four, ">u4").astype(np.uint64)
        self._six_borders = np.frombuffer(six, "S16")

    def find(self, addresses: U8) -> I64:
        """Row by row of (n, 16), the position of the longest network that holds the address, or NOT_FOUND."""
        whole = np.ascontiguousarray(addresses)
        halves = whole.view(">u8").reshape(-1, 2).astype(np.uint64)
        mapped = (halves[:, 0] == 0) & (halves[:, 1] >> np.uint64(32) == _MAPPED)
        found = self._four[np.searchsorted(self._four_borders, halves[:, 1] & np.uint64(0xFFFFFFFF), "right") - 1]
        others = np.flatnonzero(~mapped)
        if others.size:
            texts = whole.view("S16").reshape(-1)[others]
            found[others] = self._six[np.searchsorted(self._six_borders, texts, "right") - 1]
        return found


def _spans(trie: Radix, networks: Sequence[IPv4Network | IPv6Network], width: int) -> tuple[bytes, I64]:
    """The first addresses of spans, `width` bytes each, and the position of the longest network that holds each span."""
    begins = {0, *(int(network.network_address) for network in networks), *(int(network.broadcast_address) + 1 for network in networks)}
    borders = [begin.to_bytes(width, "big") for begin in sorted(begins) if begin < 1 << 8 * width]
    nodes = [trie.search_best(packed=border) for border in borders]
    return b"".join(borders), np.array([NOT_FOUND if node is None else node.data["position"] for node in nodes], np.int64)
