"""Addresses that nobody of weir's speaks for: labels for ranges of them, and which ones are the internet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

import numpy as np

from schemas.records.flow_batch import I64, U8
from streams.attribution.attribute import REASONS, SOURCES, Attribution
from streams.columns.prefixes import NOT_FOUND, Prefixes, distinct
from streams.ownership.map import OwnershipMap

Network = IPv4Network | IPv6Network

_NAMED, _UNKNOWN, _EXTERNAL = REASONS.index(""), REASONS.index("unknown"), REASONS.index("external")
_CIDR = SOURCES.index("cidr")

_INTERNET = ("0.0.0.0/0", "2000::/3")
_NOT_THE_INTERNET = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
)
"""IANA's registries of special purposes, and what is multicast or reserved. IPv6 has nothing global outside 2000::/3."""


class CidrLabels:
    """`labels`: a name for each of some ranges, which hold in every network. The longest prefix that matches names the address."""

    def __init__(self, labels: Sequence[tuple[Network, str]] = ()) -> None:
        self._names = [name for _, name in labels]
        self._labels = Prefixes([network for network, _ in labels])
        self._global = Prefixes([*map(ip_network, _INTERNET), *map(ip_network, _NOT_THE_INTERNET)])

    def name(self, known: OwnershipMap, ip: U8, named: Attribution) -> Attribution:
        """`named` (n rows, for the (n, 16) remote addresses) with labels, or `external`, where all else is silent.

        Only an address that was never spoken for is outside: where somebody held it at another time (`gap`), several do
        (`ambiguous`, `shared`), or an agent counts flows of its own at it, a label would be a guess.
        """
        rows = np.flatnonzero((named.reason == _UNKNOWN) & ~named.agent)
        if not rows.size:
            return named
        addresses, address_of = distinct(ip[rows])
        label = self._labels.find(addresses)[address_of]
        labelled = label != NOT_FOUND
        owner, source, reason = named.owner.copy(), named.source.copy(), named.reason.copy()
        if labelled.any():
            owner[rows[labelled]] = known.names.numbers(self._names)[label[labelled]]
        source[rows[labelled]], reason[rows[labelled]] = _CIDR, _NAMED
        reason[rows[~labelled & self._public(addresses)[address_of]]] = _EXTERNAL
        return replace(named, owner=owner, source=source, reason=reason)

    def _public(self, addresses: U8) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        place: I64 = self._global.find(addresses)
        public: np.ndarray[tuple[int], np.dtype[np.bool_]] = (place != NOT_FOUND) & (place < len(_INTERNET))
        return public
