"""How the members of a consumer group share the partitions of its topics: a pure function, computed by the group's leader.

1. A member's claim on a partition is believed where no other member claims it in as new a generation.
2. Of each topic, every reader has the same number of partitions, or one more (an extra). The extras of all topics are placed so that
   totals are as even as can be: where every member reads every topic, totals differ by one at most.
3. Of all placements that are that even, one is taken in which the most partitions stay where they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Member:
    """A member's word: the topics that it reads, and its partitions by topic as of a generation of the group; -1: it did not say which."""

    topics: Collection[str]
    claims: Mapping[str, Collection[int]] = field(default_factory=dict)
    generation: int = -1


Shares = dict[str, dict[str, list[int]]]
"""By member, by topic that it reads: partitions, ascending."""


def spread(partitions: Mapping[str, Collection[int]], members: Mapping[str, Member]) -> Shares:
    """The share of each member. Depends on no order but that of names and numbers. `partitions`: by topic.

    O(topics x members) for each extra; exponential in the number of topics alone, of which a worker reads two at most.
    """
    owned = believed_claims(members)
    shares: Shares = {name: {} for name in members}
    for topic, quotas in _quotas(partitions, members, owned).items():
        owners = owned[topic]
        kept = {name: sorted(p for p in partitions[topic] if owners.get(p) == name)[:quota] for name, quota in quotas.items()}
        free = iter(sorted(set(partitions[topic]).difference(*kept.values())))
        for name, quota in quotas.items():
            shares[name][topic] = sorted([*kept[name], *(next(free) for _ in range(quota - len(kept[name])))])
    return shares


def believed_claims(members: Mapping[str, Member]) -> dict[str, dict[int, str]]:
    """By topic: the owner of each partition that a member claims. Where several claim it in the newest generation, no claim counts."""
    claimants: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
    for name, member in members.items():
        for topic in set(member.topics) & member.claims.keys():
            for partition in set(member.claims[topic]):
                claimants[topic, partition].append((member.generation, name))
    owned: dict[str, dict[int, str]] = defaultdict(dict)
    for (topic, partition), said in claimants.items():
        newest = max(generation for generation, _ in said)
        names = [name for generation, name in said if generation == newest]
        if len(names) == 1:
            owned[topic][partition] = names[0]
    return owned


def _quotas(
    partitions: Mapping[str, Collection[int]], members: Mapping[str, Member], owned: Mapping[str, Mapping[int, str]]
) -> dict[str, dict[str, int]]:
    """By topic, by reader: how many partitions it is to have."""
    readers = {topic: sorted(name for name, member in members.items() if topic in member.topics) for topic in sorted(partitions)}
    even = {topic: divmod(len(set(partitions[topic])), len(names)) for topic, names in readers.items() if names}
    held = {topic: Counter(owner for p, owner in owned.get(topic, {}).items() if p in set(partitions[topic])) for topic in even}
    keeping = {topic: {name for name, count in held[topic].items() if count > even[topic][0]} for topic in even}
    extras = _Extras({topic: readers[topic] for topic in even}, keeping, {topic: share for topic, (share, _) in even.items()})
    for topic, (_, rest) in even.items():
        extras.place(topic, rest)
    return {topic: {name: share + (name in extras.holders[topic]) for name in readers[topic]} for topic, (share, _) in even.items()}


class _Path(NamedTuple):
    """Handing one extra on: each (topic, name) takes one of the topic; all but the last lose one of the topic of the next step for it."""

    cost: int
    steps: tuple[tuple[str, str], ...]


class _Extras:
    """Places extras one by one, each along the cheapest path, on which earlier ones may change hands: a minimum-cost flow.

    An extra costs its member's total so far (so that totals are even), and is cheaper by a little where it saves a move.
    `keeping`: by topic, members that hold more than the even share, to whom an extra is a partition that stays.
    """

    def __init__(self, readers: Mapping[str, list[str]], keeping: Mapping[str, Collection[str]], even: Mapping[str, int]) -> None:
        self.holders: dict[str, set[str]] = {topic: set() for topic in readers}
        self._readers = readers
        self._keeping = keeping
        self._totals = Counter[str]()
        for topic, names in readers.items():
            self._totals.update(dict.fromkeys(names, even[topic]))
        self._heavy = 1 + sum(map(len, readers.values()))  # more than all moves that all extras could save

    def place(self, topic: str, count: int) -> None:
        for _ in range(count):
            steps = self._cheapest(topic, frozenset((topic,))).steps
            for (_, loser), (lost, _) in zip(steps, steps[1:], strict=False):
                self.holders[lost].remove(loser)
            for gained, gainer in steps:
                self.holders[gained].add(gainer)
            self._totals[steps[-1][1]] += 1

    def _cheapest(self, topic: str, passed: frozenset[str]) -> _Path:
        return min(self._paths(topic, passed))

    def _paths(self, topic: str, passed: frozenset[str]) -> Iterable[_Path]:
        takers = [name for name in self._readers[topic] if name not in self.holders[topic]]
        for name in takers:
            yield _Path(self._heavy * self._totals[name] - self._saves(topic, name), ((topic, name),))
        for other in self._readers.keys() - passed:
            # The name that hands on an extra of the other topic most cheaply.
            able = [(self._saves(other, name) - self._saves(topic, name), name) for name in takers if name in self.holders[other]]
            if able:
                cost, name = min(able)
                rest = self._cheapest(other, passed | {other})
                yield _Path(cost + rest.cost, ((topic, name), *rest.steps))

    def _saves(self, topic: str, name: str) -> int:
        return int(name in self._keeping[topic])
