"""Addresses that nobody of weir's speaks for: labels for ranges of them, and which ones are the internet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

import numpy as np

from schemas.arrays import I64, U8
from streams.attribution.attribute import REASONS, SOURCES, Attribution
from streams.columns.prefixes import NOT_FOUND, Prefixes
from streams.ownership.map import OwnershipMap

Network = IPv4Network | IPv6Network

_NAMED, _UNKNOWN, _EXTERNAL, _GROUP, _LINK_LOCAL = (REASONS.index(name) for name in ("", "unknown", "external", "group", "link_local"))
_CIDR = SOURCES.index("cidr")

_OF_A_LINK = tuple(map(ip_network, ("224.0.0.0/4", "255.255.255.255/32", "ff00::/8", "169.254.0.0/16", "fe80::/10")))
"""Group and link-local addresses."""

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
        self._texts = [f"{network}={name}" for network, name in labels]
        self._names = [name for _, name in labels]
        self._labels = Prefixes([network for network, _ in labels])
        # The last is for NOT_FOUND: a row without any label.
        self._of_a_link = np.array([*(_holds(_OF_A_LINK, network) for network, _ in labels), False], np.bool_)
        self._global = Prefixes([*map(ip_network, _INTERNET), *map(ip_network, _NOT_THE_INTERNET)])

    def name(self, known: OwnershipMap, ip: U8, named: Attribution) -> Attribution:
        """`named` (n rows, for the (n, 16) remote addresses) with labels, or `external`, where all else is silent.

        Only an address that was never spoken for is outside: where somebody held it at another time (`gap`), several do
        (`ambiguous`, `shared`), or an agent counts flows of its own at it, a label would be a guess. A group or link-local
        address has the labels of ranges of such addresses, on every link; those of larger ranges do not mean it.
        """
        of_a_link = (named.reason == _GROUP) | (named.reason == _LINK_LOCAL)
        rows = np.flatnonzero((named.reason == _UNKNOWN) & ~named.agent | of_a_link)
        if not rows.size:
            return named
        addresses = ip[rows]
        label = self._labels.find(addresses)
        labelled = (label != NOT_FOUND) & (~of_a_link[rows] | self._of_a_link[label])
        owner, source, reason = named.owner.copy(), named.source.copy(), named.reason.copy()
        if labelled.any():
            owner[rows[labelled]] = known.names.numbers(self._names)[label[labelled]]
        source[rows[labelled]], reason[rows[labelled]] = _CIDR, _NAMED
        reason[rows[~labelled & ~of_a_link[rows] & self._public(addresses)]] = _EXTERNAL
        return replace(named, owner=owner, source=source, reason=reason)

    def text(self, ip: bytes) -> str:
        """The longest prefix that holds the address, with its label, as WEIR_CIDRS has them; empty: none does."""
        (place,) = self._labels.find(np.frombuffer(ip, np.uint8).reshape(1, 16)).tolist()
        return "" if place == NOT_FOUND else self._texts[place]

    def _public(self, addresses: U8) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        place: I64 = self._global.find(addresses)
        public: np.ndarray[tuple[int], np.dtype[np.bool_]] = (place != NOT_FOUND) & (place < len(_INTERNET))
        return public


def _holds(ranges: Sequence[Network], network: Network) -> bool:
    """Whether one of the ranges holds all of the network."""
    return any(network.version == one.version and network.subnet_of(one) for one in ranges)  # type: ignore[arg-type]
