"""The boundaries of a block in the metadata of an offset."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.intake.transport import DecisionThread, decode_pending, encode_pending


@given(st.none() | st.tuples(st.integers(0, 2**62), st.integers(0, 2**62)))
def test_pending_round_trip(pending: tuple[int, int] | None) -> None:
    assert decode_pending(encode_pending(pending)) == pending
    assert decode_pending(encode_pending(pending) + "\0") == pending


@pytest.mark.parametrize("metadata", ["", "moved by hand", "weir:1:", "weir:1:5", "weir:1:a-b", "weir:2:1-2", "weir:1:-5-6"])
def test_metadata_of_others_decides_nothing(metadata: str) -> None:
    assert decode_pending(metadata) is None


class _Consumer:
    """A fake: a rebalance brings a partition in the midst of the seek, which no broker can be told to do."""

    def __init__(self) -> None:
        self.came = TopicPartition("weir.flows", 2)
        self.stored: dict[TopicPartition, int | None] = {TopicPartition("weir.flows", 0): None, TopicPartition("weir.flows", 1): 7}
        self.at_beginning: list[TopicPartition] = []

    async def seek_to_committed(self) -> dict[TopicPartition, int | None]:
        return self.stored

    def assignment(self) -> set[TopicPartition]:
        return {*self.stored, self.came}

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        self.at_beginning += partitions


def test_a_partition_of_which_nothing_was_asked_is_not_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    thread, consumer = DecisionThread.__new__(DecisionThread), _Consumer()
    monkeypatch.setattr(thread, "_ensure_consumer", lambda: consumer, raising=False)
    assert asyncio.run(thread._seek_to_committed()) == consumer.stored
    assert consumer.at_beginning == [TopicPartition("weir.flows", 0)]
