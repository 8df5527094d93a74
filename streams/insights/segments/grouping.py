"""Groups of workloads as arrays: the group of each, numbered by its first member."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.insights.segments.features import Floats, Ints

ROUND_MEMBERS = 3_000
"""Workloads that all rounds of a search look at together; two rounds there are in any case."""


def rounds(most: int, members: int) -> int:
    """How many rounds of a search a fleet of so many workloads gets: it shall take a second or two."""
    return max(2, min(most, ROUND_MEMBERS // max(1, members)))


def first_come(groups: Ints) -> Ints:
    """The same groups, numbered by their first members."""
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[place], np.int64)


def with_others(own: Ints, ends: int) -> Ints:
    """The group of every end: each end that is no workload is one of its own."""
    count = int(own.max(initial=-1)) + 1
    return np.concatenate([own, np.arange(count, count + ends - len(own))])


def membership(own: Ints) -> Any:
    """Groups x workloads, 1 where it is a member: a scipy CSR matrix."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.ones(len(own)), (own, np.arange(len(own)))), shape=(int(own.max(initial=-1)) + 1, len(own)))


def related(counts: Floats, sizes: Floats, rarity: Floats) -> Floats:
    """Groups x traits, of length 1 by row: the product of two rows says how alike two groups are, 0 to 1 (their cosine)."""
    profile = counts / sizes[:, None] * rarity
    length = np.linalg.norm(profile, axis=1, keepdims=True)
    return np.asarray(np.divide(profile, length, out=np.zeros_like(profile), where=length > 0), np.float64)
