"""Watermarks: nothing is named before what lay in Kafka has been read, here and by every worker that is alive."""

from __future__ import annotations

import pytest

from schemas.records.ownership import Watermark
from streams.intake.hold import HoldRule, PartitionWatermark
from streams.learning import watermarks as module
from streams.learning.watermarks import FollowedPartition, Watermarks

SECOND = 1_000_000
HOLD, SILENCE = 30 * SECOND, 60 * SECOND
RULE = HoldRule(HOLD, SECOND // 4)
BEGUN = 10_000 * SECOND


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_us = 1_000 * SECOND
        monkeypatch.setattr(module, "elapsed_us", lambda: self.now_us)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def watermarks(partitions: int, *followed: int, end: int = 0, ready: bool = True) -> Watermarks:
    """Of a worker that follows some partitions, which had `end` messages when it began."""
    made = Watermarks("me", partitions, HOLD, SILENCE)
    made.want(dict.fromkeys(followed, 0))
    for partition in followed:
        made.follow(partition, end, BEGUN)
    if ready:
        made.ready()
    return made


def read(marks: list[PartitionWatermark] | None) -> list[int]:
    assert marks is not None
    return [mark.read_until_us for mark in marks]


def heard(partition: int, read_us: int = BEGUN, worker: str = "other") -> Watermark:
    return Watermark(partition, BEGUN, read_us, worker)


def test_a_backlog_older_than_the_hold_releases_nothing_until_it_is_learned() -> None:
    """The messages' own times say that the hold is over; the name may lie in the last of them."""
    followed = FollowedPartition(HOLD, end=3, asked_us=BEGUN)
    for offset, arrived_us in enumerate((BEGUN - 3 * HOLD, BEGUN - HOLD)):
        followed.report("n1", arrived_us, arrived_us)
        followed.learned(offset + 1)
        assert not RULE.released(BEGUN - 3 * HOLD, BEGUN - 3 * HOLD, [followed.progress()])
    followed.report("n1", BEGUN - 1, BEGUN - 1)
    followed.learned(3)
    assert followed.progress() == PartitionWatermark(BEGUN - 1, BEGUN)


def test_a_partition_whose_last_messages_are_gone_is_complete_at_its_end() -> None:
    followed = FollowedPartition(HOLD, end=3, asked_us=BEGUN)
    followed.learned_all(BEGUN + 1)
    assert followed.progress() == PartitionWatermark(None, BEGUN + 1)


def test_one_partition_that_is_not_read_holds_all(clock: Clock) -> None:
    marks = watermarks(2, 0, 1, end=5)
    marks.learned({0: 5, 1: 4}, (), 0)
    assert sorted(read(marks.progress())) == [0, BEGUN]
    assert not RULE.released(0, 0, marks.progress() or [])
    marks.learned({0: 5, 1: 5}, (), 0)
    assert RULE.released(0, 0, marks.progress() or [])


def test_a_partition_that_is_wanted_and_not_followed_yet_holds_all(clock: Clock) -> None:
    marks = watermarks(2, 0)
    marks.want({0: 0, 1: 7})
    assert marks.progress() is None
    assert marks.changes() == ([], {1: 7})


def test_others_hear_that_nothing_is_read_yet_even_before_the_partition_is_followed(clock: Clock) -> None:
    marks = watermarks(3, 0, end=5, ready=False)
    marks.want({0: 0, 1: 0})
    assert [(mark.partition, mark.read_until_us, mark.worker) for mark in marks.own()] == [(0, 0, "me"), (1, 0, "me")]
    other = Watermarks("other", 3, HOLD, SILENCE)
    other.want({2: 0})
    other.follow(2, 0, BEGUN)
    other.learned({}, (), 0)
    other.ready()
    other.hear(heard(0, worker="third"))
    other.hear(marks.own()[1])
    assert sorted(read(other.progress())) == [0, BEGUN, BEGUN]


def test_a_partition_that_nobody_speaks_for_is_waited_for_until_its_worker_must_be_dead(clock: Clock) -> None:
    marks = watermarks(2, 0)
    marks.heard_until(clock.now_us + SILENCE)
    assert marks.progress() is None
    marks.heard_until(clock.now_us + SILENCE + 1)
    assert read(marks.progress()) == [0]


def test_a_worker_that_is_slow_to_read_takes_no_other_for_dead(clock: Clock) -> None:
    """Only what has been read of weir.ownership makes silence: the other's watermarks may lie there."""
    marks = watermarks(2, 0)
    marks.hear(heard(1))
    clock.now_us += 10 * SILENCE
    assert read(marks.progress()) == [0, BEGUN]
    marks.heard_until(clock.now_us)
    assert read(marks.progress()) == [0]


def test_a_partition_that_has_just_gone_to_another_worker_is_waited_for(clock: Clock) -> None:
    marks = watermarks(2, 0, 1)
    clock.now_us += 10 * SILENCE
    marks.heard_until(clock.now_us)
    marks.want({0: 0})
    assert marks.progress() is None
    marks.hear(heard(1))
    assert read(marks.progress()) == [0, BEGUN]
    assert marks.changes() == ([1], {})


def test_a_partition_that_comes_back_is_not_judged_by_what_another_said_of_it(clock: Clock) -> None:
    marks = watermarks(2, 0)
    marks.hear(heard(1))
    marks.want({0: 0, 1: 0})
    marks.hear(heard(1))
    marks.follow(1, 0, BEGUN)
    marks.learned({}, (), 0)
    marks.report(0, "n1", BEGUN + SECOND, BEGUN)
    marks.report(1, "n2", BEGUN + SECOND, BEGUN)
    assert marks.reported_by_all() == BEGUN + SECOND
    assert read(marks.progress()) == [BEGUN, BEGUN]


def test_its_own_watermarks_teach_it_nothing(clock: Clock) -> None:
    marks = watermarks(2, 0)
    marks.hear(heard(1, worker="me"))
    assert marks.progress() is None


def test_that_nobody_is_alive_survives_the_way_to_others(clock: Clock) -> None:
    marks, other = watermarks(1, 0), Watermarks("other", 1, HOLD, SILENCE)
    marks.learned({}, {0}, BEGUN + SECOND)
    other.ready()
    (told,) = marks.own()
    other.hear(told)
    assert other.progress() == [PartitionWatermark(None, BEGUN + SECOND)]


def test_a_partition_that_stays_goes_on_where_it_is_when_others_go_and_come(clock: Clock) -> None:
    """What a rebalance asks for is told at once, as a whole."""
    marks = watermarks(3, 0, 1, end=5)
    marks.learned({0: 5, 1: 5}, (), 0)
    marks.want({1: 0, 2: 7})
    assert marks.changes() == ([0], {2: 7})
    assert [(mark.partition, mark.read_until_us) for mark in marks.own()] == [(1, BEGUN), (2, 0)]
