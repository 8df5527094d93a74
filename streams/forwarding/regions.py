"""Which region an address belongs to: the longest prefix that matches, once for each distinct address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import is_group, is_link_local, is_loopback
from schemas.arrays import U8
from streams.columns.prefixes import Prefixes

Prefix = tuple[IPv4Network | IPv6Network, str]
HERE = -1


class Regions:
    """`names`: the other regions, as `of` numbers them. Without prefixes, every address is of the home region."""

    def __init__(self, home: str, prefixes: Sequence[Prefix] = ()) -> None:
        self.home = home
        self.names = tuple(sorted({region for _, region in prefixes} - {home}))
        number = {home: HERE, **{name: index for index, name in enumerate(self.names)}}
        self._prefixes = Prefixes([network for network, _ in prefixes])
        self._region_of = np.array([*(number[region] for _, region in prefixes), HERE], np.int16)  # NOT_FOUND is the last

    def of(self, ip: U8) -> NDArray[np.int16]:
        """(n, 16) addresses to numbers in `names`; HERE: of the home region, of none, or never leaving its machine or its link."""
        if not self.names or not len(ip):
            return np.full(len(ip), HERE, np.int16)
        numbers: NDArray[np.int16] = self._region_of[self._prefixes.find(ip)]
        numbers[is_loopback(ip) | is_group(ip) | is_link_local(ip)] = HERE
        return numbers
