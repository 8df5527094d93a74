"""What tells workloads apart: with whom each talks, at which service, as which side.

A trait is (side, whom, service). Whom: the role of the peer as far as roles are known, the peer itself before, or anyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST = 2
"""A trait of a single workload says nothing of what workloads have in common."""
ROWS = 256
"""Of so many workloads at a time the similarity with all is reckoned: memory that was not used before is dear."""


@dataclass(frozen=True)
class Contacts:
    """Distinct contacts. `client`, `server`: numbers of ends, the first `members` of which are workloads that shall have roles.

    `ends`: how many there are. `service`: a number for each protocol and port.
    """

    members: int
    ends: int
    client: Ints
    server: Ints
    service: Ints

    def taken(self, chosen: NDArray[np.bool_]) -> Contacts:
        return Contacts(self.members, self.ends, self.client[chosen], self.server[chosen], self.service[chosen])


@dataclass(frozen=True)
class Traits:
    """`having`: workloads x traits, 1 where a workload has a trait, as a scipy CSR matrix. `keys`: of the traits, ascending."""

    having: Any
    keys: Ints

    @property
    def prior(self) -> Floats:
        """How frequent each trait is."""
        found: Floats = np.clip(np.asarray(self.having.mean(axis=0)).ravel(), 1e-9, 0.9)
        return found

    @property
    def rarity(self) -> Floats:
        """What each trait weighs: log(workloads / those that have it)."""
        counts = np.asarray(self.having.sum(axis=0)).ravel()
        return np.asarray(np.log(self.having.shape[0] / np.maximum(counts, 1)), np.float64)


def traits_of(contacts: Contacts, groups: Ints, known: Ints | None = None) -> Traits:
    """`groups`: of every end. `known`: keys of the traits to look for; absent: all that FEWEST workloads have."""
    from scipy.sparse import csr_matrix

    width = int(groups.max(initial=0)) + 2
    rows, keys = [], []
    for side, own, peer in ((0, contacts.client, contacts.server), (1, contacts.server, contacts.client)):
        inside = own < contacts.members
        for whom in (groups[peer], np.full(len(peer), width - 1)):
            rows.append(own[inside])
            keys.append(((contacts.service * 2 + side) * width + whom)[inside])
    row, key = np.concatenate(rows), np.concatenate(keys)
    _, first = np.unique(key * (contacts.members + 1) + row, return_index=True)
    row, key = row[first], key[first]
    if known is None:
        found, counts = np.unique(key, return_counts=True)
        known = found[counts >= FEWEST]
    kept = np.isin(key, known)
    row, column = row[kept], np.searchsorted(known, key[kept])
    return Traits(csr_matrix((np.ones(len(row)), (row, column)), shape=(contacts.members, len(known))), known)


def similarity(having: Any, rarity: Floats) -> Floats:
    """Weighted Jaccard index of each two rows, 0 to 1."""
    weighted, other = having.multiply(rarity[None, :]).tocsr(), having.T.tocsr()
    own = np.asarray(weighted.sum(axis=1)).ravel()
    found = np.empty((len(own), len(own)))
    for start in range(0, len(own), ROWS):
        shared, rows = found[start : start + ROWS], slice(start, start + ROWS)
        (weighted[rows] @ other).toarray(out=shared)
        either = own[rows, None] + own[None, :]
        either -= shared
        either[either <= 0] = 1
        shared /= either
        np.minimum(shared, 1, out=shared)
    return found
