"""An upgrade, worker by worker: those of before leases and those of today name what the other learned, and neither gives a wrong name."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from confluent_kafka import Message

from schemas import headers
from schemas.topics import OWNERSHIP_TOPIC
from tests.integration.pipeline_support import read_topic
from tests.integration.side_by_side import PARTITIONS, SideBySide
from tests.support.offsets import end_offsets
from tests.support.processes import run_weir, wait_for


@pytest.fixture
def workers(clean_kafka: str) -> SideBySide:
    run_weir("topics", "--flow-partitions", str(PARTITIONS), settings={"kafka_bootstrap": clean_kafka})
    return SideBySide(clean_kafka)


def told_since(workers: SideBySide, offset: int) -> list[Message]:
    return [message for message in read_topic(workers.bootstrap, OWNERSHIP_TOPIC) if (message.offset() or 0) >= offset]


def one_by_one(messages: list[Message]) -> list[Message]:
    """Those that new workers tell an address at a time, under keys that workers of before read."""
    return [one for one in messages if not (one.key() or b"").startswith(b"@") and (headers.LEASES, b"1") in (one.headers() or ())]


def tells_leases_alone(workers: SideBySide) -> bool:
    """Of one more window."""
    begin = end_offsets(workers.bootstrap, OWNERSHIP_TOPIC)[0]
    workers.windows(1)
    return not one_by_one(told_since(workers, begin))


def test_old_and_new_workers_know_the_same(workers: SideBySide) -> None:
    with ExitStack() as stack:
        with workers.old_worker("old") as old:
            workers.share((old, (0, 1, 2)))
            workers.windows(3)
            first = stack.enter_context(workers.new_worker("first"))
            workers.share((old, (1, 2)), (first, (0,)))
            workers.windows(3)
            workers.assert_all_know()
            second = stack.enter_context(workers.new_worker("second"))
            workers.share((old, (2,)), (second, (1,)))
            workers.windows(3)
            workers.assert_all_know()
            assert one_by_one(told_since(workers, 0))
        workers.share((first, (0, 2)))
        wait_for(lambda: tells_leases_alone(workers), 60, "the old worker to be forgotten")
        workers.windows(3)
        workers.assert_all_know()


def test_an_old_worker_that_comes_back_is_told_again(workers: SideBySide) -> None:
    """It has no name wrong for what it has not heard, and all names from when the others have heard of it."""
    with ExitStack() as stack:
        with workers.old_worker("old") as old:
            first = stack.enter_context(workers.new_worker("first"))
            workers.share((old, (1, 2)), (first, (0,)))
            workers.windows(2)
        second = stack.enter_context(workers.new_worker("second"))
        workers.share((first, (0, 2)), (second, (1,)))
        wait_for(lambda: tells_leases_alone(workers), 60, "the old worker to be forgotten")
        workers.windows(2)
        back = stack.enter_context(workers.old_worker("back"))
        workers.share((back, (2,)), (first, (0,)))
        wait_for(lambda: not tells_leases_alone(workers), 60, "the others to have heard of it")
        workers.assert_none_wrong()
        workers.windows(3)
        workers.assert_all_know(recent=3)
        workers.assert_none_wrong()
