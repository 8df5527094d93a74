"""AttributedConsumer over a client that does as it is told: what is handed out, what must be stored, and what is no answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from schemas.errors import Unavailable, Unreadable, WeirError
from schemas.records.tables import FLOWS
from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.attributed import attributed_messages
from streams.client import attributed_consumer as downstream
from streams.client.attributed_consumer import AttributedConsumer
from streams.client.duplicates import DeliveryState
from tests.weir.commands.test_tail import row


class Sent:
    """A message of part `number` of the block of offsets 10 * `block` and on."""

    def __init__(
        self, offset: int, block: int, number: int = 1, partition: int = 0, value: bytes | None = None, headers: Any = None
    ) -> None:
        made = next(attributed_messages(pa.Table.from_pylist([row(number), row(100 + number)], FLOWS)))
        self._place = partition, offset
        self._value = made.value if value is None else value
        source = f"weir.flows:3:{block * 10}-{block * 10 + 9}".encode()
        self._headers = [("weir-source", source), ("weir-part", f"{number}/7".encode())] if headers is None else headers

    def error(self) -> KafkaError | None:
        return None

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]

    def headers(self) -> Any:
        return self._headers

    def value(self) -> bytes:
        return self._value


class Failed:
    def __init__(self, code: int) -> None:
        self._error = KafkaError(code)

    def error(self) -> KafkaError:
        return self._error


class Client:
    """Hands over what was put into `coming`, in order; a function there happens within the poll, as rebalances do."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.coming: deque[Any] = deque()
        self.positions: dict[int, int] = {}

    def subscribe(
        self, topics: list[str], on_assign: Callable[..., None], on_revoke: Callable[..., None], on_lost: Callable[..., None]
    ) -> None:
        assert topics == [ATTRIBUTED_TOPIC] and on_lost == on_revoke
        self._on_assign, self._on_revoke = on_assign, on_revoke

    def assign(self, places: list[TopicPartition]) -> None:
        self.positions = {place.partition: place.offset for place in places}

    def give(self, *partitions: int) -> None:
        self.coming.append(lambda: self._on_assign(self, [TopicPartition(ATTRIBUTED_TOPIC, p) for p in partitions]))

    def take_away(self, *partitions: int) -> None:
        self.coming.append(lambda: self._on_revoke(self, [TopicPartition(ATTRIBUTED_TOPIC, p) for p in partitions]))

    def poll(self, _: float) -> Any:
        while self.coming and callable(self.coming[0]):
            self.coming.popleft()()
        return self.coming.popleft() if self.coming else None

    def close(self) -> None:
        pass


class Program:
    """A consumer, its client and its store. `run`: one poll, stored; bytes_sent of the flows that it brought."""

    def __init__(self, stored: dict[int, str] | None = None) -> None:
        self.stored = {} if stored is None else stored
        self.consumer = AttributedConsumer(
            {"bootstrap.servers": "nowhere:1", "group.id": "test"}, lambda partition: self.stored.get(partition, "")
        )
        self.client: Any = self.consumer._consumer

    def run(self) -> list[int]:
        taken = self.consumer.poll(0)
        for partition, moved in taken.moved.items():
            assert moved.before == self.stored.get(partition, "")
            self.stored[partition] = moved.after
        return [flow["bytes_sent"] for flow in taken.flows()]


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downstream, "Consumer", Client)


@pytest.fixture
def program() -> Program:
    made = Program()
    made.client.give(0, 1)
    return made


def test_offsets_in_kafka_are_never_asked(program: Program) -> None:
    assert program.run() == []
    assert program.stored == {}
    assert program.client.positions == {0: OFFSET_BEGINNING, 1: OFFSET_BEGINNING}
    assert program.client.config["enable.auto.commit"] is False
    other = Program({1: DeliveryState.from_text('{"next":23,"blocks":{}}').text})
    other.client.give(0, 1)
    other.run()
    assert other.client.positions == {0: OFFSET_BEGINNING, 1: 23}


def test_a_repeat_is_left_out_and_counted(program: Program) -> None:
    program.client.coming.extend([Sent(0, 0), Sent(1, 0, 2), Sent(2, 0), Sent(3, 1)])
    taken = program.consumer.poll(0)
    assert [flow["bytes_sent"] for flow in taken.flows()] == [1, 101, 2, 102, 1, 101]
    assert (taken.repeats, list(taken.moved), taken.messages[0].window_seconds, taken.messages[0].region) == (1, [0], 10, "eu")


def test_repeats_after_a_new_start_are_known_from_the_state(program: Program) -> None:
    program.client.coming.append(Sent(0, 0))
    assert program.run() == [1, 101]
    again = Program(program.stored)
    again.client.give(0)
    again.client.coming.extend([Sent(1, 0), Sent(2, 0, 2)])
    assert again.run() == [2, 102]
    assert again.client.positions == {0: 1}


def test_what_was_taken_of_a_partition_that_went_is_not_handed_out(program: Program) -> None:
    program.client.coming.extend([Sent(0, 0), Sent(0, 0, 2, partition=1)])
    program.client.take_away(0)
    assert program.run() == [2, 102]
    assert list(program.stored) == [1]


def test_a_partition_that_comes_back_within_a_poll_goes_on_from_the_store(program: Program) -> None:
    """Another member has gone on with it meanwhile."""
    assert program.run() == []
    program.client.coming.append(Sent(0, 0))
    program.client.take_away(0, 1)
    elsewhere = DeliveryState()
    elsewhere.take(6, downstream.part_of(Sent(6, 1).headers()))
    program.client.coming.append(lambda: program.stored.update({0: elsewhere.text}))
    program.client.give(0)
    program.client.coming.append(Sent(7, 1, 2))
    assert program.run() == [2, 102]
    assert program.client.positions == {0: 7} and DeliveryState.from_text(program.stored[0]).next_offset == 8


def test_what_cannot_be_read_is_not_passed_over(program: Program) -> None:
    for broken in (Sent(1, 0, value=b"\xc3\x01" + bytes(8)), Sent(1, 0, value=Sent(1, 0).value()[:-3]), Sent(1, 0, headers=[])):
        made = Program()
        made.client.give(0)
        made.client.coming.extend([Sent(0, 0, 7), broken])
        with pytest.raises(Unreadable):
            made.run()
        assert made.stored == {}


def test_messages_that_were_deleted_unread_are_told(program: Program) -> None:
    program.client.coming.append(Failed(KafkaError._AUTO_OFFSET_RESET))
    with pytest.raises(WeirError, match="the totals lack what was deleted"):
        program.run()


def test_a_broker_that_is_away_is_waited_for_and_one_that_refuses_is_told(program: Program) -> None:
    program.client.coming.extend([Failed(KafkaError._TRANSPORT), Failed(KafkaError._ALL_BROKERS_DOWN), Sent(0, 0)])
    assert program.run() == [1, 101]
    program.client.coming.append(Failed(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(Unavailable):
        program.run()


def test_a_poll_is_bounded(program: Program) -> None:
    program.client.coming.extend([Sent(offset, 0, 1 + offset % 7) for offset in range(100)])
    taken = program.consumer.poll(0, messages=10)
    assert (len(taken.messages), taken.repeats) == (7, 3)
