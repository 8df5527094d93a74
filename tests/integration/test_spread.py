"""Who of a group on a real Kafka has which partitions, as members come, die, stand still and are upgraded."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.headers import WORKER
from schemas.topics import FLOWS_TOPIC, OWNERSHIP_TOPIC, forward_name
from streams.kafka import group_share
from tests.integration.group_member import member
from tests.integration.pipeline_support import ASSIGNED, Pipeline, read_topic
from tests.support.clickhouse import EngineHost
from tests.support.processes import PATIENCE, Child, wait_for

SESSION_SECONDS = 6
FORWARD = forward_name("eu")
PLACES = {(topic, partition) for topic in (FLOWS_TOPIC, FORWARD) for partition in range(8)}
GIVEN = r'"share": \{'
"""What a member says as soon as it is one of a group, whatever its share is."""
Shares = dict[str, frozenset[tuple[str, int]]]


class Group:
    """Members by name, and what the broker says that they have."""

    def __init__(self, bootstrap: str, directory: Path, group: str, *topics: str) -> None:
        self.members: dict[str, Child] = {}
        self._settings: dict[str, object] = {
            "kafka_bootstrap": bootstrap,
            "clickhouse_url": f"chdb:///{directory}/none",  # which no member opens
            "group": group,
            "session_seconds": SESSION_SECONDS,
        }
        self._directory, self._topics, self._name = directory, topics, group
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._started = ExitStack()

    def start(self, *names: str, kind: str = "spread") -> None:
        for name in names:
            made = member(name, kind, self._topics, self._settings, self._directory)
            self.members[name] = self._started.enter_context(made)
        for name in names:
            self.members[name].line(GIVEN, 10 * SESSION_SECONDS)

    def drop(self, name: str) -> Child:
        """Forget the member: what happens to it is the caller's."""
        return self.members.pop(name)

    def shares(self) -> Shares:
        """Once the group is stable and of the known members: what each has."""
        return wait_for(self._stable, 10 * SESSION_SECONDS, f"the group to share among {sorted(self.members)}")

    def _stable(self) -> Shares | None:
        described = self._admin.describe_consumer_groups([self._name])[self._name].result(10)
        names = [one.client_id for one in described.members]
        if described.state != ConsumerGroupState.STABLE or sorted(names) != sorted(self.members):
            return None
        assigned = [one.assignment.topic_partitions if one.assignment else [] for one in described.members]
        return {name: frozenset((p.topic, p.partition) for p in places) for name, places in zip(names, assigned, strict=True)}

    def close(self) -> None:
        self._started.close()


@pytest.fixture
def group(clean_kafka: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Group]:
    """Members that read two topics of eight partitions each."""
    admin = AdminClient({"bootstrap.servers": clean_kafka, "log_level": 0})
    for made in admin.create_topics([NewTopic(FLOWS_TOPIC, 8, 1), NewTopic(FORWARD, 8, 1)]).values():
        made.result(30)
    found = Group(clean_kafka, tmp_path, request.node.name, FLOWS_TOPIC, FORWARD)
    yield found
    found.close()


def assert_whole(shares: Shares) -> None:
    assert sorted(place for share in shares.values() for place in share) == sorted(PLACES)


def assert_even(shares: Shares) -> None:
    assert_whole(shares)
    for of in ((FLOWS_TOPIC, FORWARD), (FLOWS_TOPIC,), (FORWARD,)):
        counts = [sum(topic in of for topic, _ in share) for share in shares.values()]
        assert max(counts) - min(counts) <= 1, shares


def moved(before: Shares, after: Shares) -> int:
    """Partitions that a member lost which is still there."""
    return sum(len(before[name] - share) for name, share in after.items() if name in before)


def seconds_to_a_share(late: Child) -> float:
    """From before it joined until it was given partitions."""
    late.line(rf'{GIVEN}"', 10 * SESSION_SECONDS)
    said = [json.loads(line) for line in late.stdout.splitlines()]
    return float(next(one["at"] for one in said if one["share"]) - said[0]["at"])


def test_all_of_seven_have_work_and_late_ones_get_theirs_within_a_session(group: Group) -> None:
    group.start("a", "b", "c", "d")
    four = group.shares()
    assert_even(four)
    group.start("late 1", "late 2", "late 3")
    seven = group.shares()
    assert_even(seven)
    assert sorted(map(len, seven.values())) == [2, 2, 2, 2, 2, 3, 3]
    given = sum(len(share) for name, share in seven.items() if name.startswith("late"))
    assert moved(four, seven) == given
    seconds = {name: seconds_to_a_share(one) for name, one in group.members.items() if name.startswith("late")}
    assert max(seconds.values()) < SESSION_SECONDS * PATIENCE, seconds


def test_what_a_killed_member_had_goes_to_the_others_and_nothing_else_moves(group: Group) -> None:
    group.start("a", "b", "c", "d")
    before = group.shares()
    group.drop("b").kill()
    after = group.shares()
    assert_even(after)
    assert moved(before, after) == 0


def test_a_member_that_stood_still_beyond_its_session_claims_nothing_back(group: Group) -> None:
    """It still believes to have what others were given meanwhile: both claims are there, and the newer one is believed."""
    group.start("a", "b", "c", "d")
    group.shares()
    still = group.drop("b")
    still.signal(signal.SIGSTOP)
    three = group.shares()
    assert_even(three)
    group.members["b"] = still
    still.signal(signal.SIGCONT)
    four = group.shares()
    assert_even(four)
    assert moved(three, four) == len(four["b"]) == 4


def test_an_upgrade_member_by_member_leaves_every_partition_with_one(group: Group) -> None:
    """Those of before have Faust's own assignor: whoever leads, old and new read what the others say."""
    group.start("old 1", kind="faust")
    assert_whole(group.shares())
    group.start("old 2", "old 3", kind="faust")
    assert_whole(group.shares())
    for number in (1, 2, 3):
        group.start(f"new {number}")
        assert_whole(group.shares())
        group.drop(f"old {number}").stop()
        assert_whole(group.shares())
    group.start("new 4")
    assert_even(group.shares())


def test_a_worker_that_comes_late_gets_work(clean_kafka: str, host: EngineHost, tmp_path: Path) -> None:
    """Whole workers. Two have two of four partitions each: with that, Faust's own rule would be content."""
    admin = AdminClient({"bootstrap.servers": clean_kafka, "log_level": 0})
    admin.create_topics([NewTopic(FLOWS_TOPIC, 4, 1)])[FLOWS_TOPIC].result(30)
    first, second, late = (Pipeline(clean_kafka, host.url, tmp_path / name, {"group": "late"}) for name in ("first", "second", "late"))
    with first.worker(), second.worker(), late.worker(rf"{ASSIGNED}\]"):

        def counts() -> list[int]:
            share = group_share(admin, "late", {FLOWS_TOPIC: 4})
            return sorted(share.shares) if share.stable else []

        wait_for(lambda: counts() == [1, 1, 2], SESSION_SECONDS, "the group to be even")


def test_what_a_killed_worker_had_is_followed_while_clickhouse_stands_still(clean_kafka: str, host: EngineHost, tmp_path: Path) -> None:
    """Names wait for what lies in a partition: its new worker learns it before it can know what the tables have of it."""
    first, second = (Pipeline(clean_kafka, host.url, tmp_path / name, {"group": "follow"}) for name in ("first", "second"))

    def followers() -> list[int]:
        """How many partitions each worker published the newest watermark of."""
        messages = [message for message in read_topic(clean_kafka, OWNERSHIP_TOPIC) if (message.key() or b"").startswith(b"@watermark/")]
        newest = {message.key(): dict(message.headers() or ())[WORKER] for message in messages}
        return sorted(Counter(newest.values()).values())

    with first.worker(), second.worker() as dying:
        wait_for(lambda: followers() == [4, 4], 30, "both workers to follow")
        host.signal(signal.SIGSTOP)
        dying.kill()
        wait_for(lambda: followers() == [8], 30, "the other to follow all")
