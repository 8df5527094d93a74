"""Groups made better: members moved, groups split and merged, as long as the description of all contacts becomes shorter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.insights.segments.communities import RELATED, Profile, communities, counted, linked
from streams.insights.segments.description import description
from streams.insights.segments.features import Contacts, Floats, Ints, Traits, similarity, traits_of
from streams.insights.segments.grouping import first_come, related, rounds, with_others
from streams.insights.segments.linkage import tree

SWEEPS = 5
TRIES, COMPARED = 150, 300_000
"""Moves, splits and mergers tried in a sweep, of each; fewer where there are many contacts, so that no more than COMPARED are looked at."""
PAIRS = 8_000_000
"""Of members, that are compared for splits in all."""


STARTS = (0.8, 0.5)
"""How similar workloads are that are of one group to begin with: the search is begun from each, and the best kept."""
SMALL = 500
"""A fleet of more workloads is searched from the first start alone."""


def groups_of(contacts: Contacts) -> Ints:
    """The group of each workload: of all that were found, those with the shortest description."""
    starts = STARTS if contacts.members <= SMALL else STARTS[:1]
    first = linked(contacts)
    found = [refined(contacts, communities(contacts, first, alike)) for alike in starts]
    return min(found, key=lambda own: description(contacts, own))


def refined(contacts: Contacts, own: Ints) -> Ints:
    """No step makes the description longer."""
    search = _Search(contacts, own)
    for _ in range(rounds(SWEEPS, contacts.members)):
        before = search.length
        search.move()
        search.split()
        search.merge()
        if search.length >= before:
            break
    return search.own


class _Search:
    def __init__(self, contacts: Contacts, own: Ints) -> None:
        self._contacts = contacts
        self.own = first_come(own)
        self.length = description(contacts, self.own)
        self._pairs = PAIRS
        self._tries = min(TRIES, 1 + COMPARED // max(1, len(contacts.client)))

    def traits(self) -> Traits:
        return traits_of(self._contacts, with_others(self.own, self._contacts.ends))

    def _try(self, own: Ints) -> bool:
        """Takes the groups where they are better."""
        own = first_come(own)
        length = description(self._contacts, own)
        if length >= self.length:
            return False
        self.own, self.length = own, length
        return True

    def move(self) -> None:
        """All to the groups that they fit best; or, where that is not better, one after another."""
        traits = self.traits()
        start, near = self.own, Profile.of(traits, self.own).nearest(self.own, traits)
        if self._try(near):
            return
        kept = start.copy()
        for one in np.flatnonzero(near != start)[: self._tries]:
            moved = kept.copy()
            moved[one] = near[one]
            if self._try(moved):
                kept = moved

    def split(self) -> None:
        """Each group where its members are least alike."""
        start, traits = self.own, self.traits()
        sizes, rarity = np.bincount(start), traits.rarity
        kept = start.copy()
        for group in np.argsort(-sizes, kind="stable")[: self._tries]:
            members = np.flatnonzero(start == group)
            if len(members) < 2:
                break
            if len(members) ** 2 > self._pairs:
                continue
            self._pairs -= len(members) ** 2
            parted = kept.copy()
            parted[members[_part(similarity(traits.having[members], rarity))]] = kept.max() + 1
            if self._try(parted):
                kept = parted

    def merge(self) -> None:
        """Groups that are related, the most alike first."""
        kept, traits = self.own.copy(), self.traits()
        profile = related(*counted(traits, kept), traits.rarity)
        between = np.triu(profile @ profile.T, 1)
        pairs = np.argwhere(between >= RELATED)
        order = np.argsort(-between[pairs[:, 0], pairs[:, 1]], kind="stable")[: self._tries]
        became = np.arange(int(kept.max(initial=-1)) + 1)
        for first, second in pairs[order].tolist():
            one, other = int(became[first]), int(became[second])
            if one == other:
                continue
            joined = np.where(kept == other, one, kept)
            if self._try(joined):
                kept = joined
                became[became == other] = one


def _part(alike: Floats) -> NDArray[np.bool_]:
    """One of the two parts into which a group falls where its members are least alike."""
    groups = tree(alike).groups(2)
    return np.asarray(groups == groups[0], np.bool_)
