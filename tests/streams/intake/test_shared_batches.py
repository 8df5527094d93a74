"""A message that two readers read is decoded once; what is kept for the second is bounded, and never another message's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from streams.intake.shared_batches import Reader, SharedBatches
from tests.streams.support import batch

VALUE = bytes(10_000)


class Readers:
    """Two readers of one partition; `decoded`: offsets, in order. A message's bytes follow from its offset and `topic`."""

    def __init__(self, limit_bytes: int = 1 << 30) -> None:
        self.shared = SharedBatches(limit_bytes)
        self.decoded: list[int] = []
        self.topic = 0

    def read(self, reader: Reader, *offsets: int, partition: int = 0) -> list[FlowBatch]:
        return [self.shared.batch(reader, partition, offset, self._value(offset), self._decode(offset)) for offset in offsets]

    def _value(self, offset: int) -> bytes:
        return VALUE + bytes((self.topic, offset % 256))

    def _decode(self, offset: int) -> Callable[[], FlowBatch]:
        def decode() -> FlowBatch:
            self.decoded.append(offset)
            return batch([offset], epoch=self.topic)

        return decode

    @property
    def kept_bytes(self) -> int:
        return self.shared._kept_bytes


def test_either_reader_may_be_first() -> None:
    readers = Readers()
    readers.read("applier", 0)
    readers.read("learner", 0, 1, 2)
    readers.read("applier", 1, 2, 3, 4)
    readers.read("learner", 3, 4)
    assert readers.decoded == [0, 1, 2, 3, 4]
    assert readers.kept_bytes == 0


def test_both_get_the_same_batch() -> None:
    readers = Readers()
    assert readers.read("applier", 0)[0] is readers.read("learner", 0)[0]


def test_a_partition_is_not_another() -> None:
    readers = Readers()
    readers.read("applier", 0)
    readers.read("learner", 0, partition=1)
    assert readers.decoded == [0, 0]


def test_a_topic_made_anew_has_the_same_offsets_and_other_batches() -> None:
    readers = Readers()
    readers.read("applier", 0)
    readers.topic = 1
    (found,) = readers.read("learner", 0)
    assert found.epoch == 1


def test_a_full_store_keeps_what_the_reader_behind_needs_first() -> None:
    readers = Readers(limit_bytes=100_000)
    readers.read("applier", *range(50))
    assert 0 < readers.kept_bytes <= 100_000
    readers.shared.measure()
    assert REGISTRY.get_sample_value("weir_fill", {"bound": "shared"}) == readers.kept_bytes / 100_000
    kept = 100_000 // (len(VALUE) + 8_192 + 66)
    readers.read("learner", *range(50))
    assert readers.decoded[50:] == list(range(kept, 50))
    assert readers.kept_bytes == 0


def test_what_the_learner_decoded_counts_with_its_batch() -> None:
    """The applier's batches wait in its queue in any case."""
    readers = Readers()
    readers.read("applier", 0)
    by_applier = readers.kept_bytes
    readers.read("learner", 0, 1)
    assert readers.kept_bytes == by_applier + len(VALUE) + 2


def test_names_count() -> None:
    shared = SharedBatches()
    shared.batch("applier", 0, 0, VALUE, lambda: batch([], workloads=tuple(map(str, range(1_000)))))
    assert shared._kept_bytes > len(VALUE) + 64_000
    shared.batch("learner", 0, 0, VALUE, lambda: pytest.fail("decoded again"))
    assert shared._kept_bytes == 0


def test_nothing_is_kept_for_a_reader_that_will_not_come() -> None:
    readers = Readers()
    readers.read("learner", *range(10))  # a partition that the applier has not read of, or reads no more
    assert readers.kept_bytes == 0
    readers.read("applier", *range(10))  # the learner is beyond
    assert readers.kept_bytes == 0
    readers.read("learner", *range(5, 12))  # once more from a hold ago: the applier is beyond the first
    readers.read("applier", 11)  # 10 was of an aborted transaction, say
    assert readers.kept_bytes == 0


def test_a_rebalance_drops_what_was_kept() -> None:
    readers = Readers()
    readers.read("applier", 0, 1, 2)
    readers.read("learner", *range(10))
    readers.shared.forget_applier()
    assert readers.kept_bytes == 0
    readers.read("learner", 10)
    assert readers.kept_bytes == 0


def test_what_cannot_be_read_is_refused_to_each() -> None:
    shared = SharedBatches()
    tries: list[str] = []

    def refuse() -> Any:
        tries.append("")
        raise Unreadable("torn")

    for reader in ("applier", "learner"):
        with pytest.raises(Unreadable):
            shared.batch(reader, 0, 0, VALUE, refuse)  # type: ignore[arg-type]
    assert len(tries) == 2 and shared._kept_bytes == 0


def test_the_second_waits_while_the_first_decodes() -> None:
    readers, begun, go_on, found = Readers(), threading.Event(), threading.Event(), []

    def decode() -> FlowBatch:
        begun.set()
        assert go_on.wait(10)
        return batch([1])

    first = threading.Thread(target=lambda: found.append(readers.shared.batch("applier", 0, 0, b"", decode)))
    second = threading.Thread(target=lambda: found.append(readers.shared.batch("learner", 0, 0, b"", lambda: pytest.fail("twice"))))
    first.start()
    assert begun.wait(10)
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert len(found) == 2 and found[0] is found[1]


def test_two_threads_decode_once() -> None:
    readers = Readers()
    readers.read("applier", 0)
    both = [threading.Thread(target=readers.read, args=(reader, *range(1, 3_000))) for reader in ("applier", "learner")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert sorted(readers.decoded) == list(range(3_000))
    assert readers.kept_bytes == 0


READS = st.tuples(st.sampled_from(["learner", "applier", "rebalance", "topic"]), st.integers(0, 1), st.integers(0, 6))


@given(st.lists(READS, max_size=60))
def test_any_order_of_reading_gives_each_message_its_own_batch(reads: list[tuple[Any, int, int]]) -> None:
    """Consumers may seek, topics be deleted: bounded, and right."""
    readers = Readers(limit_bytes=100_000)
    for what, partition, offset in reads:
        if what == "rebalance":
            readers.shared.forget_applier()
        elif what == "topic":
            readers.topic += 1
        else:
            (found,) = readers.read(what, offset, partition=partition)
            assert found.epoch == readers.topic and found.flows.service_port.tolist() == [offset]
        assert 0 <= readers.kept_bytes <= 100_000 + 64
    sides = [*readers.shared._learner.values(), *readers.shared._applier.values()]
    assert readers.kept_bytes == sum(one.size for side in sides for one in side.waiting.values())
