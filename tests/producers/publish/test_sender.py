"""A window leaves the spool when Kafka has all of it, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.publish.publisher import OnAck, Publisher
from producers.publish.sender import Sender
from producers.spool.segment import Record, make_segment
from producers.spool.spool import HEAD_SEGMENTS, Spool
from schemas.errors import Unavailable
from tests.producers.fakes import FakeTopic
from tests.support.processes import PATIENCE

LIMIT = 1 << 24


def spool_of(directory: Path, windows: int) -> Spool:
    spool = Spool(directory, LIMIT)
    for number in range(windows):
        seq = 2 * number
        spool.add(make_segment(number, (Record(seq, 1, 1, 1, b"%d" % seq), Record(seq + 1, 1, 1, 1, b"%d" % (seq + 1)))))
    return spool


def test_windows_go_in_order_and_leave(tmp_path: Path) -> None:
    spool, topic = spool_of(tmp_path, 40), FakeTopic()
    sender = Sender(spool, topic, "t", b"n1")
    while len(spool):
        sender.step(0)
    assert topic.messages == [b"%d" % seq for seq in range(80)]
    assert (sender.acknowledged, sender.refused, sender.under_way_bytes) == (80, 0, 0)


def test_while_kafka_is_away_only_the_head_is_under_way(tmp_path: Path) -> None:
    spool, topic = spool_of(tmp_path, 40), FakeTopic()
    topic.up = False
    sender = Sender(spool, topic, "t", b"n1")
    for _ in range(3):
        sender.step(0)
    assert len(topic._waiting) == 2 * HEAD_SEGMENTS
    assert sender.under_way_bytes == sum(len(value) for value, _ in topic._waiting)
    assert len(spool) == 40
    topic.up = True
    sender.step(0)
    assert len(spool) == 40 - HEAD_SEGMENTS


def test_a_window_that_failed_in_part_is_sent_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.publish.sender.RETRY_SECONDS", 0.0)
    spool, topic = spool_of(tmp_path, 1), FakeTopic()
    refusals = [b"1"]

    def offer(name: str, key: bytes, value: bytes, on_ack: OnAck | None = None) -> bool:
        def answer(error: str | None) -> None:
            assert on_ack is not None
            on_ack(refusals.pop() if value in refusals else error)  # type: ignore[arg-type]

        return FakeTopic.offer(topic, name, key, value, answer)

    monkeypatch.setattr(topic, "offer", offer)
    sender = Sender(spool, topic, "t", b"n1")
    sender.step(0)
    assert len(spool) == 1
    sender.step(0)
    assert topic.messages == [b"0", b"1", b"0", b"1"]
    assert not len(spool)
    assert (sender.acknowledged, sender.refused, sender.under_way_bytes) == (3, 1, 0)


def test_the_thread_ends_when_told_and_says_whether_all_went(tmp_path: Path) -> None:
    spool, topic = spool_of(tmp_path / "a", 3), FakeTopic()
    sender = Sender(spool, topic, "t", b"n1")
    sender.start()
    assert sender.finish(5)
    assert not sender.is_alive()
    topic.up = False
    sender = Sender(spool_of(tmp_path / "b", 3), topic, "t", b"n1")
    sender.start()
    assert not sender.finish(0.05)
    assert not sender.is_alive()


def test_what_ends_the_thread_reaches_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = FakeTopic()
    monkeypatch.setattr(topic, "poll", lambda timeout: 1 // 0)
    sender = Sender(spool_of(tmp_path, 1), topic, "t", b"n1")
    sender.start()
    sender._work.set()
    sender.join(5 * PATIENCE)
    with pytest.raises(ZeroDivisionError):
        sender.wake()


def test_a_publisher_without_kafka_blocks_nobody_who_only_offers() -> None:
    publisher = Publisher("127.0.0.1:9", "t", {"queue.buffering.max.messages": 3})
    assert [publisher.offer("t", b"k", b"v") for _ in range(4)] == [True, True, True, False]
    with pytest.raises(Unavailable, match="127.0.0.1:9 took nothing for 0.2 s"):
        publisher.produce("t", b"k", b"v", patience=0.2)
    publisher.close()


def test_what_a_closing_publisher_gives_up_is_told() -> None:
    publisher = Publisher("127.0.0.1:9")
    answers: list[str | None] = []
    publisher.offer("t", b"k", b"v", answers.append)
    publisher.close()
    assert len(answers) == 1
    assert answers[0] is not None
