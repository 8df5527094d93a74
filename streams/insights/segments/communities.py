"""Workloads with the same traits, as groups: a first guess, by agglomeration as far as it makes the members' traits likelier.

A group has a trait or has not. One that has it shows it in most members (HAS), one that has not in few (STRAY): a group is as likely as its
members' traits are under the better of both, a priori as the trait is frequent. Groups are merged, those that gain most first, and
workloads then moved to the group that they fit best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.insights.segments.features import Contacts, Floats, Ints, Traits, similarity, traits_of
from streams.insights.segments.grouping import first_come, membership, related, rounds, with_others
from streams.insights.segments.linkage import Tree, tree

HAS, STRAY = 0.85, 0.07
"""Share of members that show a trait of their group, and that show a trait of another."""
MOST = 128
"""So many groups there are to begin with, where fewer are less alike."""
RELATED = 0.05
"""Groups whose traits are less alike are not merged."""
GAIN = 2.0
"""Nats that a merger must gain."""
ROUNDS, MOVES = 6, 3


def linked(contacts: Contacts) -> Tree:
    """Workloads by how alike they are while every peer is known as itself alone."""
    traits = traits_of(contacts, np.arange(contacts.ends))
    return tree(similarity(traits.having, traits.rarity))


def communities(contacts: Contacts, first: Tree, alike: float) -> Ints:
    """The group of each workload. Workloads `alike` on average, 0 to 1, are of one group of `first`, as `linked` has it, to begin with.

    Groups of one round are the peers of the next, until they stay.
    """
    own = first_come(first.groups(min(first.within(1 - alike), MOST)))
    for _ in range(rounds(ROUNDS, contacts.members)):
        before = own
        traits = traits_of(contacts, with_others(own, contacts.ends))
        own = _moved(traits, _merged(traits, own))
        if np.array_equal(before, own):
            break
    return own


@dataclass
class _Groups:
    """`counts`: groups x traits, members that have it. `profile`: as `related` has it."""

    prior: Floats
    rarity: Floats
    counts: Floats
    sizes: Floats
    profile: Floats


def counted(traits: Traits, own: Ints) -> tuple[Floats, Floats]:
    """Groups x traits: members that have it; and how many members a group has."""
    member = membership(own)
    return (member @ traits.having).toarray(), np.asarray(member.sum(axis=1)).ravel()


def weighed(counts: Floats, sizes: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """Log likelihood of counts of members with a trait, with its prior, where the group has it, and where it has not."""
    has = counts * np.log(HAS / (1 - HAS)) + (sizes * np.log(1 - HAS) + np.log(prior))
    has_not = counts * np.log(STRAY / (1 - STRAY)) + (sizes * np.log(1 - STRAY) + np.log(1 - prior))
    return has, has_not


def _likelihood(counts: Floats, sizes: Floats, prior: Floats) -> Floats:
    """Its logarithm, by group: the traits stand in the last axis, and are summed."""
    found: Floats = np.maximum(*weighed(counts, sizes, prior)).sum(axis=-1)
    return found


def _merged(traits: Traits, own: Ints) -> Ints:
    """Groups after the mergers that gain."""
    counts, sizes = counted(traits, own)
    groups = _Groups(traits.prior, traits.rarity, counts, sizes, related(counts, sizes, traits.rarity))
    count = len(sizes)
    likely = _likelihood(counts, sizes[:, None], groups.prior)
    gains = np.stack([_gains(groups, likely, one) for one in range(count)])
    best = gains.max(axis=1)
    owner = np.arange(count)
    while True:
        one = int(best.argmax())
        if best[one] <= GAIN:
            break
        other = int(gains[one].argmax())
        _join(groups, one, other)
        likely[one] = _likelihood(groups.counts[one], groups.sizes[one], groups.prior)
        owner[owner == other] = one
        touched = np.flatnonzero(np.isfinite(gains[one]) | np.isfinite(gains[other]))
        gains[other], gains[:, other] = -np.inf, -np.inf
        gains[one] = _gains(groups, likely, one)
        gains[:, one] = gains[one]
        touched = np.union1d(touched, [one, other])
        best[touched] = gains[touched].max(axis=1)
    return first_come(owner[own])


def _gains(groups: _Groups, likely: Floats, one: int) -> Floats:
    """Of a group's merger with each other."""
    near = np.flatnonzero((groups.profile @ groups.profile[one] >= RELATED) & (groups.sizes > 0))
    near = near[near != one]
    found = np.full(len(groups.sizes), -np.inf)
    if len(near):
        joint = _likelihood(groups.counts[near] + groups.counts[one], (groups.sizes[near] + groups.sizes[one])[:, None], groups.prior)
        found[near] = joint - likely[near] - likely[one]
    return found


def _join(groups: _Groups, one: int, other: int) -> None:
    groups.counts[one] += groups.counts[other]
    groups.sizes[one] += groups.sizes[other]
    groups.sizes[other] = 0
    groups.profile[one] = related(groups.counts[[one]], groups.sizes[[one]], groups.rarity)[0]


def _moved(traits: Traits, own: Ints) -> Ints:
    """Workloads, each in the group that it fits best."""
    for _ in range(MOVES):
        before, own = own, first_come(Profile.of(traits, own).nearest(own, traits))
        if np.array_equal(before, own):
            break
    return own


@dataclass(frozen=True)
class Profile:
    """What groups show: `present` and `absent`, groups x traits, what a trait says for a group by being there, and by not being there."""

    present: Floats
    absent: Floats
    sizes: Floats

    @classmethod
    def of(cls, traits: Traits, own: Ints) -> Profile:
        counts, sizes = counted(traits, own)
        has, has_not = weighed(counts, sizes[:, None], traits.prior)
        shown = STRAY + (HAS - STRAY) * np.exp(has - np.logaddexp(has, has_not))
        return cls(np.log(shown), np.log(1 - shown), sizes)

    def nearest(self, own: Ints, seen: Traits) -> Ints:
        """The group that each workload fits best by what was seen of it: its own, or one of several. Without a trait it stays."""
        fits = seen.having @ (self.present - self.absent).T + self.absent.sum(axis=1) + np.log(self.sizes)
        closed: NDArray[np.bool_] = np.ones_like(fits, bool)
        closed[:, self.sizes > 1] = False
        closed[np.asarray(seen.having.sum(axis=1)).ravel() == 0] = True
        closed[np.arange(len(own)), own] = False
        return np.asarray(np.where(closed, -np.inf, fits).argmax(axis=1), np.int64)
