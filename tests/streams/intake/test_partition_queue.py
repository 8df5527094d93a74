"""Where a block ends: at what is released, at its size, or where an earlier try ended it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from sys import getsizeof

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unreadable
from streams.intake.hold import HoldRule, PartitionWatermark
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.intake.partition_queue import PartitionQueue
from tests.streams.support import batch

NOTHING = UnreadableMessage(Unreadable("stands for a message without flows"), b"", b"", ())


class Sized(ReceivedMessage):
    """A message that claims a number of flows without carrying them."""

    @property
    def flows(self) -> int:
        return self.size


def message(offset: int, flows: int = 1) -> ReceivedMessage:
    return Sized(offset, 0, flows, NOTHING)


def lane(offsets: range, pending: tuple[int, int] | None = None) -> PartitionQueue:
    made = PartitionQueue(partition=0, generation=1, pending=pending)
    for offset in offsets:
        made.append(message(offset))
    return made


def offsets(block: list[ReceivedMessage]) -> list[int]:
    return [arrived.offset for arrived in block]


def always(_: ReceivedMessage) -> bool:
    return True


def test_a_block_ends_once_it_is_large_enough() -> None:
    assert offsets(lane(range(5, 15)).cut(3, always)) == [5, 6, 7]


def test_a_block_ends_before_the_first_message_that_is_held() -> None:
    assert offsets(lane(range(10)).cut(100, lambda m: m.offset < 4)) == [0, 1, 2, 3]
    assert lane(range(10)).cut(100, lambda m: m.offset > 0) == []


def test_a_pending_block_ends_where_it_was_decided_whatever_its_size() -> None:
    made = lane(range(10), pending=(0, 6))
    block = made.cut(2, always)
    assert offsets(block) == list(range(7))
    assert made.boundaries(block) == (0, 6)


def test_a_pending_block_waits_until_all_of_it_is_there() -> None:
    made = lane(range(5), pending=(0, 6))
    assert made.cut(2, always) == []
    assert made.cut(2, lambda m: m.offset < 3) == []
    made.append(message(5))
    made.append(message(6))
    assert offsets(made.cut(2, always)) == list(range(7))


def test_a_pending_block_keeps_its_name_when_its_first_messages_have_expired() -> None:
    made = lane(range(3, 10), pending=(0, 6))
    block = made.cut(100, always)
    assert (offsets(block), made.boundaries(block)) == ([3, 4, 5, 6], (0, 6))


def test_a_pending_block_that_has_expired_altogether_says_so_and_is_not_forgotten() -> None:
    made = lane(range(7, 10), pending=(0, 6))
    made.position = 0
    assert made.dropped and made.cut(100, always) == []
    assert (made.position, made.pending) == (0, (0, 6))


def test_a_pending_block_of_which_a_message_may_come_yet_is_not_dropped() -> None:
    for some in (range(0), range(6, 10), range(2)):
        assert not lane(some, pending=(0, 6)).dropped
    assert not lane(range(7, 10)).dropped, "no block is pending"


def test_a_pending_block_over_a_gap_in_the_offsets_ends_at_the_gap() -> None:
    made = PartitionQueue(partition=0, generation=1, pending=(0, 6))
    for offset in (0, 1, 2, 8):
        made.append(message(offset))
    assert offsets(made.cut(100, always)) == [0, 1, 2]


def test_a_message_that_comes_again_is_taken_once() -> None:
    made = lane(range(5))
    made.append(message(3))
    assert offsets(list(made.queue)) == [0, 1, 2, 3, 4]
    assert made.queued_bytes == 5 * message(0).held_bytes


def test_a_lane_whose_pending_block_is_not_all_there_needs_more() -> None:
    made = lane(range(6), pending=(0, 6))
    assert made.incomplete
    made.append(message(6))
    assert not made.incomplete
    made.drop(made.cut(2, always))
    assert not made.incomplete
    assert not lane(range(5)).incomplete, "no block is pending"


def test_small_messages_count_with_all_that_they_take() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = [ReceivedMessage(offset, 0, 0, batch([], window=offset)) for offset in range(100)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert sum(one.held_bytes for one in held) > taken


def test_names_count_with_more_than_their_letters() -> None:
    """A message of nothing but short names is many times as large in memory as on the wire."""
    one = batch([7], window=0)
    many = replace(one, workloads=(*one.workloads, *(f"w{number}" for number in range(1_000))))
    held = [ReceivedMessage(0, 0, 5_000, content).held_bytes for content in (one, many)]
    assert held[1] - held[0] >= sum(getsizeof(name) - len(name) for name in many.workloads) - sum(map(getsizeof, one.workloads))


def test_an_unreadable_message_is_not_held() -> None:
    nobody_spoke = [PartitionWatermark(None, 0)]
    assert message(0).released(HoldRule(hold_us=10, skew_us=1), nobody_spoke)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_blocks_partition_the_lane(sizes: list[int], block_flows: int) -> None:
    made = PartitionQueue(partition=0, generation=1)
    for offset, flows in enumerate(sizes):
        made.append(message(offset, flows))
    seen: list[int] = []
    while block := made.cut(block_flows, always):
        assert sum(m.flows for m in block[:-1]) < block_flows
        seen += offsets(block)
        made.drop(block)
        assert made.position == seen[-1] + 1
    assert seen == list(range(len(sizes)))
    assert made.queued_bytes == 0
