"""For programs that read weir.attributed: every flow once, through repeats, crashes and rebalances of workers and of the program itself.

    def load(partition):                # the state stored last, or ""
        ...
    with AttributedConsumer({"bootstrap.servers": "...", "group.id": "billing"}, load) as consumer:
        while True:
            taken = consumer.poll(1.0)
            with database:              # one transaction: totals and states, or neither
                add(taken.flows())
                for partition, moved in taken.moved.items():
                    store(partition, moved.after, only_if_it_is=moved.before)

How the totals are exact:
  1. What is handed out is new by the rule of streams/client/duplicates.py; repeats are counted and left out.
  2. The state of a partition (where to read on, and what has been seen) lives with the totals and nowhere else. Offsets in Kafka
     are not asked, so that a crash at any instant finds totals and state of the same moment.
  3. A state is replaced only where it is still the one that was read (`before`). A program that lost its partition without
     noticing (it was suspended) finds another there, must add nothing, and starts again.
  4. Everything taken is stored before the next `poll`: partitions change hands only in there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.errors import Unavailable, Unreadable, WeirError
from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.codec import decode_as_written
from schemas.wire.framing import Framer
from streams.client.duplicates import DeliveryState, Part, part_of

_CONFIG = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "range",
}
"""The rule needs them. "error": where retention has deleted what was not read yet, totals are not exact, and somebody must know."""


@dataclass(frozen=True)
class AttributedMessage:
    """One message that counts. `flows`: its rows by column name, instants in microseconds since the epoch."""

    partition: int
    offset: int
    part: Part
    window_start_us: int
    window_seconds: int
    region: str
    flows: list[dict[str, Any]]


@dataclass(frozen=True)
class Moved:
    """A partition's state: what must be stored now, and what is to be replaced by that."""

    before: str
    after: str


@dataclass
class Taken:
    """What one poll brought. `repeats`: messages left out."""

    messages: list[AttributedMessage] = field(default_factory=list)
    moved: dict[int, Moved] = field(default_factory=dict)
    repeats: int = 0

    def flows(self) -> Iterator[dict[str, Any]]:
        for message in self.messages:
            yield from message.flows


class AttributedConsumer:
    """A member of a consumer group of its own. Not for several threads.

    `config`: confluent-kafka's settings; bootstrap.servers and group.id are needed. `load`: the state stored for a partition, ""
    where there is none: then it is read from the beginning of what Kafka keeps.
    """

    def __init__(self, config: Mapping[str, Any], load: Callable[[int], str], framer: Framer | None = None) -> None:
        self._load = load
        self._framer = framer or Framer()
        self._seen: dict[int, DeliveryState] = {}
        self._stored: dict[int, str] = {}
        self._taken = Taken()
        self._consumer = Consumer({**config, **_CONFIG})
        self._consumer.subscribe([ATTRIBUTED_TOPIC], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def poll(self, timeout: float = 1.0, messages: int = 50) -> Taken:
        """What comes within `timeout` seconds, `messages` at most, of up to a thousand flows each. Returns when something has come and
        nothing more is there.

        Raises Unreadable for a message that this version cannot read: it is not passed over, because its flows would be missing.
        Raises Unavailable where Kafka refuses, and WeirError where messages were deleted unread; what `load` raises, too.
        After an error nothing of this poll counts: close the consumer, and begin anew from what is stored.
        """
        self._stored = {partition: seen.text for partition, seen in self._seen.items()}
        self._taken = Taken()
        deadline = time.monotonic() + timeout
        while len(self._taken.messages) + self._taken.repeats < messages:
            message = self._consumer.poll(0 if self._taken.messages else max(0.0, deadline - time.monotonic()))
            if message is not None:
                self._take(message)
            elif self._taken.messages or time.monotonic() >= deadline:
                break
        after = {partition: seen.text for partition, seen in self._seen.items()}
        self._taken.moved = {p: Moved(self._stored[p], text) for p, text in after.items() if text != self._stored[p]}
        return self._taken

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            self._judge(error)
            return
        partition, offset = message.partition() or 0, message.offset() or 0
        seen = self._seen[partition]
        part = part_of(cast("list[tuple[str, bytes | None]]", message.headers() or []))
        if seen.take(offset, part):
            self._taken.messages.append(self._decoded(partition, offset, part, message.value() or b""))
        else:
            self._taken.repeats += 1

    def _judge(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise WeirError(
                f"Kafka no longer has what {ATTRIBUTED_TOPIC} was to be read on from ({error.str()}): the totals lack what was deleted; "
                "delete the stored state to begin anew with what there is."
            )
        if error.fatal() or error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED):
            raise Unavailable(f"Kafka does not hand over {ATTRIBUTED_TOPIC}: {error.str()}")

    def _decoded(self, partition: int, offset: int, part: Part, value: bytes) -> AttributedMessage:
        try:
            record = decode_as_written(self._framer.unframe(value))
            head = (record["window_start"], record["window_seconds"], record["region"])
            return AttributedMessage(partition, offset, part, *head, record["flows"])
        except (Unreadable, KeyError) as error:
            raise Unreadable(f"The message at {ATTRIBUTED_TOPIC}:{partition}:{offset} cannot be read: {error}") from error

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        for place in places:
            text = self._load(place.partition)
            seen = self._seen[place.partition] = DeliveryState.from_text(text)
            self._stored[place.partition] = text
            place.offset = OFFSET_BEGINNING if seen.next_offset is None else seen.next_offset
        consumer.assign(places)

    def _revoked(self, _: Consumer, places: list[TopicPartition]) -> None:
        """Within a poll: what it had taken so far of these partitions is another member's now, and is not handed out."""
        gone = {place.partition for place in places}
        self._seen = {partition: seen for partition, seen in self._seen.items() if partition not in gone}
        self._taken.messages = [message for message in self._taken.messages if message.partition not in gone]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
