"""Longest-prefix match of addresses by columns: the trie is asked once for each distinct address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import numpy as np
from radix import Radix

from schemas.addresses import MAPPED, split_addresses
from schemas.arrays import I64, U8
from streams.columns.hashing import address_words

NOT_FOUND = -1


class Prefixes:
    """A set of networks, IPv4 and IPv6 apart: ::/0 holds no IPv4 address, though IPv4 is stored as ::ffff:a.b.c.d."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trie = Radix()
        for position, network in enumerate(networks):
            self._trie.add(packed=network.network_address.packed, masklen=network.prefixlen).data["position"] = position

    def find(self, addresses: U8) -> I64:
        """Row by row of (n, 16), the position of the longest network that holds the address, or NOT_FOUND. See `distinct`."""
        found = (self._trie.search_best(packed=_packed(address)) for address in split_addresses(addresses))
        return np.array([NOT_FOUND if node is None else node.data["position"] for node in found], np.int64)


def distinct(addresses: U8) -> tuple[U8, I64]:
    """The distinct rows of (n, 16) addresses, and for each row which of them it is."""
    if not len(addresses):
        return addresses, np.zeros(0, np.int64)
    high, low = address_words(addresses)
    order = np.lexsort((low, high))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (high[order][1:] != high[order][:-1]) | (low[order][1:] != low[order][:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(begins) - 1
    return addresses[order[begins]], which


def _packed(address: bytes) -> bytes:
    return address[len(MAPPED) :] if address.startswith(MAPPED) else address
