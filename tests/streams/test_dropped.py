# ruff: noqa: S608 (every name in these statements stands in this file)
"""Blocks whose messages Kafka drops before they are applied: the processor over real tables and a partition that is played.

A worker dies at a point, Kafka drops the oldest messages, the next worker dies at another point, Kafka drops more, and a third
goes on to the end. Whatever happened, each message is in the tables once, or told as lost once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from schemas import failpoints
from schemas.records.flow_batch import Loss
from schemas.records.tables import BlockIdentity
from schemas.topics import FLOWS_TOPIC
from schemas.wire.framing import Framer
from sinks.base import Sink
from sinks.open import open_sink
from sinks.rollups import lane_of
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.pipeline import Pipeline
from streams.dedup.restore import Restorer
from streams.forwarding.regions import Regions
from streams.intake.messages import ReceivedMessage
from streams.intake.partition_queue import PartitionQueue
from streams.intake.transport import Committed, decode_pending, encode_pending
from streams.observe.liveness import Liveness
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from streams.processor import BlockProcessor
from streams.retry import AsyncRetry
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import COARSE, EDGES, assert_rollups_follow
from tests.streams.support import batch

SECOND_US = 1_000_000
MESSAGES = 12
BLOCK = 6
"""The first block is of messages 0 to 5. The last message repeats message 1."""
WINDOW = 176_722_558
"""The messages' windows lie around a midnight, so that a block has two parts in `flows`."""


class Killed(Exception):
    pass


@dataclass
class Partition:
    """What Kafka keeps of a partition and of its group's offset."""

    number: int
    earliest_offset: int = 0
    offset: int = 0
    metadata: str = ""
    commits: int = 0
    messages: list[ReceivedMessage] = field(default_factory=list)

    async def committed(self, places: list[Any]) -> dict[Any, Committed]:
        return {places[0]: Committed(self.offset, decode_pending(self.metadata))}

    async def earliest(self, place: Any) -> int:
        return self.earliest_offset

    async def commit_decision(self, place: Any, offset: int, pending: tuple[int, int] | None) -> bool:
        self.commits += 1
        assert self.commits < 60, "the worker gets nowhere"
        self.offset, self.metadata = offset, encode_pending(pending)
        return True

    def fetch(self, start: int) -> list[ReceivedMessage]:
        return [message for message in self.messages if message.offset >= max(start, self.earliest_offset)]


class Bench:
    """Workers one after the other, each scenario on a partition of its own."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._numbers = iter(range(10_000))

    def partition(self) -> Partition:
        made = Partition(next(self._numbers))
        contents = [
            batch([7, 8], node=f"p{made.number}-{number}", window=WINDOW + number % 4, count=1, losses=(self._loss(number),))
            for number in range(MESSAGES - 1)
        ]
        contents.append(contents[1])
        made.messages = [ReceivedMessage(offset, (WINDOW * 10 + offset) * SECOND_US, 1, one) for offset, one in enumerate(contents)]
        return made

    def _loss(self, number: int) -> Loss:
        return Loss((WINDOW + number % 4) * 10 * SECOND_US, "agent", "map_full", packets=1, id=number)

    def work(self, partition: Partition, point: str = "", nth: int = 1, hand: int = 0, drops: int = 0, early: bool = False) -> bool:
        """A worker until everything is applied, or until it dies at the NTH time that it reaches the point: whether it died.

        `hand`: messages that it has fetched when Kafka drops `drops` more, `early` before the partition is opened.
        """
        left = nth

        def act(reached: str) -> None:
            nonlocal left
            left -= reached == point
            if reached == point and left == 0:
                raise Killed

        failpoints.arm(act)
        try:
            asyncio.run(self._work(partition, hand, drops, early))
        except Killed:
            return True
        finally:
            failpoints.arm(None)
        return False

    async def _work(self, partition: Partition, hand: int, drops: int, early: bool) -> None:
        processor = self._processor(partition)
        queue = PartitionQueue(partition.number, 1)
        start = partition.offset
        for message in partition.fetch(start)[:hand]:
            queue.append(message)
        if not early:
            await processor.open(queue)
        if drops:
            partition.earliest_offset = min(MESSAGES - 1, partition.earliest_offset + drops)
        if early:
            await processor.open(queue)
        for message in partition.fetch(start):
            queue.append(message)
        while queue.queue:
            if queue.dropped:
                await processor.tell_dropped(queue)
                continue
            block = queue.cut(2 * BLOCK, lambda message: True)
            assert block, "nothing can be cut, and no message is to come"
            await processor.apply(queue, block)

    def _processor(self, partition: Partition) -> BlockProcessor:
        nothing: Any = SimpleNamespace(settle=lambda: None, send=lambda records: None, consumer_thread=partition)
        catalog: Any = SimpleNamespace(known=SimpleNamespace(ids={FLOWS_TOPIC: "made"}), confirm=lambda topic: None)
        ownership = LockedOwnershipMap(OwnershipMap(gap_us=25 * SECOND_US, skew_us=250_000), "default")
        home = Regions("eu")
        pipeline = Pipeline(self.sink, ownership, CidrLabels(), nothing, Framer(None), home, network="default", attributed_partitions=1)
        restorer = Restorer(self.sink, horizon_us=86_400 * SECOND_US, max_entries=1_000_000)
        retry = AsyncRetry(asyncio.Event(), lambda *_: None)
        return BlockProcessor(nothing, catalog, Framer(None), pipeline, nothing, restorer, nothing, None, Liveness(60), retry)

    def column(self, sql: str) -> list[Any]:
        return self.sink.query(sql).column(0).to_pylist()

    def told(self, partition: Partition) -> list[tuple[int, int, int]]:
        """(id, first_offset, messages) of each loss, by id."""
        sql = f"SELECT id, first_offset, messages FROM weir.losses WHERE stage = 'kafka' AND `partition` = {partition.number} ORDER BY id"
        return [tuple(row.values()) for row in self.sink.query(sql).to_pylist()]

    def applied(self, partition: Partition) -> list[int]:
        """Offsets with rows, each as often as its two rows are there."""
        sql = f"SELECT first_offset FROM weir.flows WHERE `partition` = {partition.number} ORDER BY first_offset, service_port"
        return self.column(sql)[::2]

    def lose_rollups(self, partition: Partition) -> None:
        """As a worker leaves them that dies between the parts of an INSERT."""
        of_lane = f"lane = {lane_of(BlockIdentity(FLOWS_TOPIC, partition.number, 0, 0))}"
        where = {**dict.fromkeys(COARSE, f"startsWith(node_id, 'p{partition.number}-')"), **dict.fromkeys(EDGES, of_lane)}
        for table, mine in where.items():
            engine_of(self.sink).execute(f"ALTER TABLE weir.{table} DELETE WHERE {mine} SETTINGS mutations_sync = 2")

    def assert_nothing_is_missing(self, partition: Partition) -> None:
        """By message; the repeat of message 1 counts where that was dropped."""
        applied = self.applied(partition)
        sql = f"SELECT node_id, count() FROM weir.flows WHERE `partition` = {partition.number} GROUP BY node_id HAVING count() != 2"
        assert self.sink.query(sql).num_rows == 0
        missing = set(range(MESSAGES - 1)) - set(applied)
        assert sum(messages for _, _, messages in self.told(partition)) == len(missing), (self.told(partition), applied)
        assert (11 in applied) == (1 not in applied)
        assert (partition.offset, partition.metadata) == (MESSAGES, "")
        agents = f"SELECT id FROM weir.losses WHERE stage = 'agent' AND `partition` = {partition.number}"
        ids = self.column(agents)
        assert len(ids) == len(set(ids)) and set(ids) >= {min(offset, 11) for offset in applied if offset < 11}
        assert_rollups_follow(self.sink)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    sink = open_sink(f"chdb://{tmp_path_factory.mktemp('dropped') / 'data'}")
    sink.migrate()
    yield Bench(sink)
    sink.close()


def decided(bench: Bench, point: str, earliest: int) -> Partition:
    """A worker has died in the block of messages 0 to 5, and Kafka has dropped what stands before `earliest`."""
    partition = bench.partition()
    whole, partition.messages = partition.messages, partition.messages[:BLOCK]
    assert bench.work(partition, point)
    partition.messages = whole
    assert (partition.offset, partition.metadata) == (0, "weir:1:0-5")
    partition.earliest_offset = earliest
    return partition


@pytest.mark.parametrize(
    ("point", "earliest", "told"),
    [
        ("block.decided", 6, [(0, 6, 6)]),  # nothing was written
        ("insert.losses", 6, [(0, 6, 6)]),
        ("block.decided", 8, [(0, 6, 6), (6, 8, 2)]),
        ("insert.flows", 6, []),
        ("insert.batches", 8, [(6, 8, 2)]),
        ("block.published", 6, []),
        ("block.decided", 3, [(0, 3, 3)]),  # messages 3 to 5 are left
        ("insert.losses", 3, [(0, 3, 3)]),
        ("insert.losses", 5, [(0, 5, 5)]),  # the loss and the block have equal boundaries
        ("insert.flows", 3, []),
        ("block.published", 3, []),
        ("block.decided", 12, [(0, 6, 6)]),  # Kafka has nothing at all
    ],
)
def test_what_was_not_written_of_a_pending_block_is_told(bench: Bench, point: str, earliest: int, told: list[tuple[int, ...]]) -> None:
    partition = decided(bench, point, earliest)
    assert not bench.work(partition)
    assert bench.told(partition) == told
    if earliest < MESSAGES:
        bench.assert_nothing_is_missing(partition)
    else:
        assert (partition.offset, partition.metadata) == (6, "")


@pytest.mark.parametrize("earliest", [3, 6])
def test_rollups_that_lack_what_cannot_be_written_again_are_filled(bench: Bench, earliest: int) -> None:
    partition = decided(bench, "insert.flows", earliest)
    bench.lose_rollups(partition)
    assert not bench.work(partition)
    assert bench.told(partition) == []
    bench.assert_nothing_is_missing(partition)


@pytest.mark.parametrize("earliest", [3, 6])
def test_a_part_that_is_missing_is_a_loss_where_its_messages_are_gone(bench: Bench, earliest: int) -> None:
    """Messages 0, 1, 4 and 5 stand before midnight, 2 and 3 after it; one part of `flows` was written, the other was not."""
    partition = decided(bench, "insert.flows", earliest)
    day = f"WHERE `partition` = {partition.number} AND window_start >= toDateTime({(WINDOW + 2) * 10}, 'UTC') SETTINGS mutations_sync = 2"
    engine_of(bench.sink).execute(f"ALTER TABLE weir.flows DELETE {day}")
    bench.lose_rollups(partition)
    assert not bench.work(partition)
    assert bench.told(partition) == [(0, earliest, 1 + (earliest == 6))]
    bench.assert_nothing_is_missing(partition)


@pytest.mark.parametrize("early", [True, False])
def test_messages_in_hand_are_applied_though_kafka_drops_them(bench: Bench, early: bool) -> None:
    """Some of a pending block had been fetched, and what follows them is dropped."""
    partition = decided(bench, "block.decided", 0)
    assert not bench.work(partition, hand=2, drops=8, early=early)
    assert bench.told(partition) == [(0, 6, 4), (6, 8, 2)]
    bench.assert_nothing_is_missing(partition)


def test_an_offset_that_another_tool_moved_is_no_loss(bench: Bench) -> None:
    """The metadata of the pending block came with it; Kafka has the block."""
    partition = decided(bench, "block.published", 0)
    partition.offset = 8
    assert not bench.work(partition)
    assert bench.told(partition) == [] and bench.applied(partition) == [0, 1, 2, 3, 4, 5, 8, 9, 10]


@pytest.mark.parametrize(("point", "nth"), [("block.committed", 1), ("block.dropped", 1), ("insert.losses", 2), ("loss.told", 1)])
def test_a_worker_that_dies_between_what_is_left_and_what_is_gone_leaves_the_loss_to_tell(bench: Bench, point: str, nth: int) -> None:
    partition = decided(bench, "block.decided", 3)
    assert bench.work(partition, point, nth)
    assert (partition.offset, partition.metadata) == (6, "weir:1:0-2")
    assert not bench.work(partition, drops=5)
    assert bench.told(partition) == [(0, 3, 3), (6, 8, 2)]
    bench.assert_nothing_is_missing(partition)


POINTS = (
    "block.cut",
    "block.decided",
    "insert.losses",
    "insert.flows",
    "block.inserted",
    "block.committed",
    "block.dropped",
    "loss.told",
    "loss.committed",
    "restore.begun",
)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_told_once_however_workers_die(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    partition = decided(bench, chance.choice(("block.decided", "insert.losses", "insert.flows", "block.published")), chance.randint(0, 9))
    for _ in range(chance.randint(1, 3)):
        point, drops = chance.choice(POINTS), chance.choice((0, 0, 1, 4))
        bench.work(partition, point, chance.randint(1, 3), chance.choice((0, 2)), drops, early=chance.random() < 0.5)
    assert not bench.work(partition)
    bench.assert_nothing_is_missing(partition)
    before = (bench.told(partition), bench.applied(partition))
    assert not bench.work(partition)
    assert (bench.told(partition), bench.applied(partition)) == before
