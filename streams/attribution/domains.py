"""Domains of remote ends: which rows may carry one, and the part of each that somebody registered.

The list of public suffixes comes with its library (publicsuffixlist) and is read from there; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from publicsuffixlist import PublicSuffixList

from streams.attribution.attribute import REASONS, SOURCES, Attribution

CACHED = 65_536
_LABELLED = SOURCES.index("cidr")
_OUTSIDE = np.array([reason in ("external", "unknown") for reason in REASONS])


def may_have_domain(named: Attribution) -> NDArray[np.bool_]:
    """The rows whose remote end is outside: labelled by its range, or an address that no agent and no event has ever spoken for."""
    outside: NDArray[np.bool_] = _OUTSIDE[named.reason] | (named.source == _LABELLED)
    return outside


def registrable_parts(domains: Iterable[str]) -> tuple[str, ...]:
    """The registrable part of each domain. About 3 us for each that is not cached; the first call reads the list, 50 ms."""
    return tuple(map(registrable_part, domains))


@lru_cache(CACHED)
def registrable_part(domain: str) -> str:
    """The public suffix and one label, in lower case; empty where there is no such part: a single label, a suffix itself, an address.

    Suffixes that a company lets others register below count, too: shop.github.io and blog.github.io are two. A last label that the list
    does not know is taken for a suffix, as the list's own rules have it.
    """
    if domain.rstrip(".").rpartition(".")[2].isdigit():
        return ""
    return _suffixes().privatesuffix(domain) or ""


@lru_cache(1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
