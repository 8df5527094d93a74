"""Which partitions a scheduler lets the learner follow, and when."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from schemas.topics import forward_name
from streams.dedup.state import DedupState
from streams.intake.partition_queue import PartitionQueue, QueueClosed
from streams.observe.liveness import Liveness
from streams.retry import AsyncRetry
from streams.scheduler import Scheduler

NONE: Any = None


class Group:
    """A group's assignments, Kafka's offsets, and what the learner was told to follow. Blocks come to no end, and ClickHouse is away."""

    def __init__(self) -> None:
        self.queues: list[PartitionQueue] = []
        self.is_new = False
        self.failed = None
        self.told: list[dict[int, int]] = []
        self.asked = asyncio.Event()
        self.retry = AsyncRetry(asyncio.Event(), lambda *_: None)
        self.committed = {0: 7, 1: 0, 2: 40}
        self.away = False
        self.refused, self.passed, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.applied, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()
        me: Any = self
        receiver: Any = SimpleNamespace(make_room=self.passed.set)
        limit: Any = SimpleNamespace(check=lambda: None, sampling=False)
        self.scheduler = Scheduler(me, receiver, me, me, None, NONE, limit, Liveness(1), self.retry, 1)

    def assign(self, *queues: PartitionQueue) -> None:
        self.queues, self.is_new = list(queues), True

    def revoke(self) -> None:
        self.over.set()
        self.queues, self.is_new = [], False

    async def starts(self, queues: list[PartitionQueue]) -> dict[int, int]:
        if self.away:
            self.refused.set()
            raise QueueClosed
        await self.answers.wait()
        return {queue.partition: self.committed[queue.partition] for queue in queues}

    async def open(self, queue: PartitionQueue) -> None:
        await self.over.wait()
        raise QueueClosed

    async def apply(self, queue: PartitionQueue, block: list[Any]) -> None:
        assert self.told, "nothing has been followed yet"
        self.applied.set()
        queue.drop(block)

    def progress(self) -> list[Any]:
        """Every worker of another partition counts as dead."""
        return []

    def follow(self, starts: dict[int, int]) -> None:
        self.told.append(starts)
        self.asked.set()

    async def passes(self, count: int) -> None:
        """Returns once the scheduler has been over its queues so often."""
        for _ in range(count):
            self.passed.clear()
            await self.passed.wait()

    async def told_next(self) -> dict[int, int]:
        await asyncio.wait_for(self.asked.wait(), 10)
        self.asked.clear()
        return self.told[-1]


def played(story: Any) -> list[dict[int, int]]:
    async def run() -> list[dict[int, int]]:
        group = Group()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(group.scheduler.run())
            tasks.create_task(group.scheduler.follow())
            await story(group)
            group.over.set()
            group.scheduler.stop()
        return group.told

    return asyncio.run(run())


def flows(*partitions: int) -> list[PartitionQueue]:
    return [PartitionQueue(partition, 1) for partition in partitions]


def test_partitions_are_followed_at_once_while_clickhouse_is_away() -> None:
    async def story(group: Group) -> None:
        group.assign(*flows(0, 1))
        assert await group.told_next() == {0: 7, 1: 0}

    assert played(story) == [{0: 7, 1: 0}]


def test_a_partition_that_stays_is_followed_through_a_rebalance() -> None:
    """Of a learner that is never told less, `Watermarks.want` keeps what has been read."""

    async def story(group: Group) -> None:
        group.assign(*flows(0, 1))
        await group.told_next()
        group.revoke()
        await group.passes(3)
        group.assign(*flows(1, 2))
        await group.told_next()

    assert played(story) == [{0: 7, 1: 0}, {1: 0, 2: 40}]


def test_what_other_regions_forward_is_not_followed() -> None:
    async def story(group: Group) -> None:
        group.assign(*flows(0), PartitionQueue(1, 1, forward_name("eu")))
        await group.told_next()
        group.assign(PartitionQueue(1, 1, forward_name("eu")))
        await group.told_next()

    assert played(story) == [{0: 7}, {}]


def test_a_worker_that_the_group_leaves_without_partitions_follows_none() -> None:
    async def story(group: Group) -> None:
        group.assign(*flows(2))
        await group.told_next()
        group.assign()
        await group.told_next()

    assert played(story) == [{2: 40}, {}]


def test_an_assignment_that_is_over_before_kafka_answers_is_passed_over() -> None:
    async def story(group: Group) -> None:
        group.away = True
        group.assign(*flows(0))
        await group.refused.wait()
        group.away = False
        group.assign(*flows(0, 2))
        await group.told_next()

    assert played(story) == [{0: 7, 2: 40}]


def test_no_block_is_cut_before_its_assignment_is_followed() -> None:
    message: Any = SimpleNamespace(offset=0, flows=1, held_bytes=0, arrived_us=0, content=None, released=lambda *_, **__: True)

    async def story(group: Group) -> None:
        group.answers.clear()
        (queue,) = flows(0)
        queue.dedup = DedupState(horizon_us=1, max_entries=1)
        queue.append(message)
        group.assign(queue)
        await group.passes(3)
        assert not group.applied.is_set()
        group.answers.set()
        await asyncio.wait_for(group.applied.wait(), 10)

    assert played(story) == [{0: 7}]
