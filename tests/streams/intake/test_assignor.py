"""The assignor as aiokafka uses it, with members that have Faust's own beside it: any of them may lead, and all read what it says."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.assignor import PartitionAssignor

from schemas.topics import FLOWS_TOPIC, forward_name
from streams.intake.assignor import SpreadAssignor

FORWARD = forward_name("eu")
PARTITIONS = {FLOWS_TOPIC: 8, FORWARD: 8}
CLUSTER: Any = SimpleNamespace(partitions_for_topic=lambda topic: set(range(PARTITIONS.get(topic, 0))) or None)
OLD, NEW = PartitionAssignor, SpreadAssignor


class Group:
    """Members by name; `rebalance` takes them through one, every message through its wire format."""

    def __init__(self, **kinds: type[PartitionAssignor]) -> None:
        self.members: dict[str, PartitionAssignor] = {}
        self.topics = {FLOWS_TOPIC, FORWARD}
        self._generation = 0
        for name, kind in kinds.items():
            self.join(name, kind)

    def join(self, name: str, kind: type[PartitionAssignor]) -> None:
        app = faust.App("weir", broker="kafka://nowhere", store="memory://", web_enabled=False, PartitionAssignor=kind)
        self.members[name] = app.assignor

    def rebalance(self, leader: str, cut_off: tuple[str, ...] = ()) -> dict[str, dict[str, list[int]]]:
        """`cut_off`: members that the leader's answer does not reach."""
        self._generation += 1
        sent = {name: member.metadata(self.topics).encode() for name, member in self.members.items()}
        told = {name: ConsumerProtocolMemberMetadata.decode(message) for name, message in sent.items()}
        answers = self.members[leader].assign(CLUSTER, told)
        for name in self.members.keys() - set(cut_off):
            self.members[name].on_assignment(ConsumerProtocolMemberAssignment.decode(answers[name].encode()))
            self.members[name].app.consumer_generation_id = self._generation
        return {name: {of.topic: of.partitions for of in map(_named, answer.assignment)} for name, answer in answers.items()}


def _named(of: Any) -> Any:
    return SimpleNamespace(topic=of[0], partitions=of[1])


def totals(shares: Mapping[str, Mapping[str, list[int]]]) -> list[int]:
    return sorted(sum(map(len, share.values())) for share in shares.values())


def kept(before: Mapping[str, list[int]], after: Mapping[str, list[int]]) -> int:
    return sum(len(set(numbers) & set(after[topic])) for topic, numbers in before.items())


def assert_whole(shares: Mapping[str, Mapping[str, list[int]]]) -> None:
    given = sorted((topic, p) for share in shares.values() for topic, numbers in share.items() for p in numbers)
    assert given == [(topic, p) for topic in sorted(PARTITIONS) for p in range(PARTITIONS[topic])]


def test_both_topics_are_spread_and_stay() -> None:
    group = Group(**dict.fromkeys("abcdefg", NEW))
    shares = group.rebalance("c")
    assert_whole(shares)
    assert totals(shares) == [2, 2, 2, 2, 2, 3, 3]
    assert group.rebalance("f") == shares


def test_a_late_member_gets_its_share() -> None:
    group = Group(**dict.fromkeys("ab", NEW))
    before = group.rebalance("a")
    group.join("late", NEW)
    after = group.rebalance("b")
    assert_whole(after)
    assert totals(after) == [5, 5, 6]
    assert sum(kept(before[name], after[name]) for name in "ab") == 16 - sum(map(len, after["late"].values()))


@pytest.mark.parametrize("leader", ["old", "new"])
@pytest.mark.parametrize("coming", [OLD, NEW])
def test_old_and_new_workers_are_one_group_whoever_leads(leader: str, coming: type[PartitionAssignor]) -> None:
    group = Group(old=OLD, new=NEW)
    assert_whole(group.rebalance(leader))
    group.join("third", coming)
    assert_whole(group.rebalance(leader))
    assert_whole(group.rebalance("third"))
    del group.members[leader]
    assert_whole(group.rebalance("third"))


def test_once_a_new_worker_leads_old_ones_are_spread_too_and_few_partitions_move() -> None:
    group = Group(a=OLD)
    for name in "abcdefg":
        group.join(name, OLD)
        before = group.rebalance("a")
    assert totals(before) == [0, 0, 0, 4, 4, 4, 4]
    group.join("new", NEW)
    after = group.rebalance("new")
    assert totals(after) == [2] * 8
    assert sum(kept(before[name], after[name]) for name in before) == 8


def test_a_member_that_missed_a_generation_takes_nothing_from_those_that_did_not() -> None:
    group = Group(**dict.fromkeys("ab", NEW))
    group.rebalance("a")
    stopped = group.members.pop("b")
    held = group.rebalance("a")["a"]
    group.members["b"] = stopped
    shares = group.rebalance("a")
    assert totals(shares) == [8, 8]
    assert kept(held, shares["a"]) == 8
    assert group.rebalance("b", cut_off=("a",)) == group.rebalance("b") == shares


def test_a_topic_that_kafka_does_not_know_has_no_partitions() -> None:
    group = Group(a=NEW, b=NEW)
    group.topics = {FLOWS_TOPIC, "weir.gone"}
    shares = group.rebalance("a")
    assert {topic for share in shares.values() for topic in share} == {FLOWS_TOPIC, "weir.gone"}
    assert totals(shares) == [4, 4]


def test_the_message_of_a_member_is_fausts_with_a_generation() -> None:
    group = Group(a=NEW)
    group.rebalance("a")
    member = group.members["a"]
    read = PartitionAssignor._get_client_metadata(member.metadata(group.topics))
    assert (read.assignment.actives, read.url) == (member._assignment.actives, str(member.app.conf.canonical_url))
    assert (member.name, member.version) == ("faust", PartitionAssignor(member.app).version)
