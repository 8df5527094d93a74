"""The dead-letter topic as people see it: which message was put aside, where it came from, when and why.

A letter is the untouched message. What the worker says about it stands in the last two headers, `weir-reason` and
`weir-source` (topic:partition:offset). A message that was replayed carries `weir-replayed` too, the place where it first
stood: should it fail again, the new letter tells its new place by `weir-source`, and by `weir-replayed` that it is the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.errors import SettingError, Unavailable, WeirError
from schemas.headers import REASON, REPLAYED, SOURCE
from schemas.topics import DEAD_LETTER_TOPIC
from weir.kafka.client import client_config, kafka_unavailable, quiet_logger
from weir.kafka.follow import BATCH, PATIENCE_SECONDS, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

STALLED_SECONDS = 30.0
Header = tuple[str, bytes]


class Place(NamedTuple):
    """Where a message stands, or stood."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


def parse_place(text: str) -> Place | None:
    topic, _, numbers = text.partition(":")
    partition, _, offset = numbers.partition(":")
    numeric = all(part.isascii() and part.isdecimal() and len(part) < 20 for part in (partition, offset))
    return Place(topic, int(partition), int(offset)) if topic and numeric else None


def asked_place(text: str) -> Place:
    """PARTITION:OFFSET of the dead-letter topic, or TOPIC:PARTITION:OFFSET of where a message came from. Raises SettingError."""
    place = parse_place(text) or parse_place(f"{DEAD_LETTER_TOPIC}:{text}")
    if place is None:
        raise SettingError(
            f"{text!r} is no letter: write PARTITION:OFFSET or TOPIC:PARTITION:OFFSET, as `weir dead-letter list` shows them."
        )
    return place


@dataclass(frozen=True)
class Letter:
    """`headers`: the message's own. `first`: where the message stood at first, None where no header tells of any place."""

    place: Place
    at_us: int
    reason: str
    source: Place | None
    first: Place | None
    key: bytes
    value: bytes
    size: int
    headers: tuple[Header, ...]

    @property
    def name(self) -> str:
        return f"{self.place.partition}:{self.place.offset}"

    def is_at(self, place: Place) -> bool:
        return place in (self.place, self.source)


def letter_of(message: Any) -> Letter:
    """A message of the dead-letter topic, as confluent-kafka hands it over."""
    headers = [(name, value or b"") for name, value in message.headers() or ()]
    reason, source = _take_last(headers, REASON), _take_last(headers, SOURCE)
    replayed = _take_last(headers, REPLAYED)
    came_from = parse_place(_text(source))
    return Letter(
        place=Place(DEAD_LETTER_TOPIC, message.partition(), message.offset()),
        at_us=message.timestamp()[1] * 1_000,
        reason=_text(reason),
        source=came_from,
        first=parse_place(_text(replayed)) or came_from,
        key=message.key() or b"",
        value=message.value() or b"",
        size=len(message.value() or b""),
        headers=tuple(headers),
    )


def without_value(letter: Letter) -> Letter:
    """What a list needs of it."""
    return replace(letter, key=b"", value=b"", headers=())


def _take_last(headers: list[Header], name: str) -> bytes:
    """The last header of that name: earlier ones are the message's own."""
    for number in range(len(headers) - 1, -1, -1):
        if headers[number][0] == name:
            return headers.pop(number)[1]
    return b""


def _text(header: bytes) -> str:
    return header.decode("utf-8", "backslashreplace")


def read_letters(settings: Settings, stop: threading.Event, reason: str = "") -> Iterator[Letter]:
    """What the topic holds now, oldest first in each partition, with `reason` somewhere in the reason.

    Raises Unavailable where Kafka does not answer, and WeirError where the topic does not exist.
    """
    for message in _messages(settings, stop, None):
        letter = letter_of(message)
        if reason.lower() in letter.reason.lower():
            yield letter


def find_letter(settings: Settings, stop: threading.Event, place: Place) -> Letter:
    """The letter at that place, or the newest of the message that came from there. Raises WeirError where there is none."""
    found = None
    for message in _messages(settings, stop, place if place.topic == DEAD_LETTER_TOPIC else None):
        letter = letter_of(message)
        found = letter if letter.is_at(place) else found
    if found is None:
        raise WeirError(f"The topic {DEAD_LETTER_TOPIC} holds no letter {place}: `weir dead-letter list` shows what it holds.")
    return found


def _messages(settings: Settings, stop: threading.Event, only: Place | None) -> Iterator[Any]:
    from confluent_kafka import Consumer, KafkaException

    own = {"group.id": "weir-dead-letter", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(client_config(settings, **own), logger=quiet_logger())
    try:
        ends = _assign(consumer, settings, only)
        yield from _until_ends(consumer, settings, stop, ends)
    except KafkaException as error:
        raise kafka_unavailable(settings.kafka_bootstrap, error, consumer) from error
    finally:
        consumer.close()


def _assign(consumer: Any, settings: Settings, only: Place | None) -> dict[int, int]:
    """Where each partition ends, for those that hold anything that is asked for; the consumer stands at their starts."""
    from confluent_kafka import TopicPartition

    found = consumer.list_topics(DEAD_LETTER_TOPIC, timeout=TIMEOUT_SECONDS).topics[DEAD_LETTER_TOPIC]
    if found.error is not None or not found.partitions:
        raise WeirError(f"Kafka at {settings.kafka_bootstrap} has no topic {DEAD_LETTER_TOPIC}: create it with `weir topics`.")
    starts, ends = [], {}
    for partition in found.partitions if only is None else {only.partition} & set(found.partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(DEAD_LETTER_TOPIC, partition), timeout=TIMEOUT_SECONDS)
        if only is not None:
            low, high = max(low, only.offset), min(high, only.offset + 1)
        if low < high:
            starts.append(TopicPartition(DEAD_LETTER_TOPIC, partition, low))
            ends[partition] = high
    consumer.assign(starts)
    return ends


def _until_ends(consumer: Any, settings: Settings, stop: threading.Event, ends: dict[int, int]) -> Iterator[Any]:
    heard = time.monotonic()
    while ends and not stop.is_set():
        for message in consumer.consume(BATCH, PATIENCE_SECONDS):
            end = ends.get(message.partition())
            if message.error() is None and end is not None and message.offset() < end:
                yield message
            if end is not None and _is_over(message, end):
                del ends[message.partition()]
            heard = time.monotonic()
        if time.monotonic() - heard > STALLED_SECONDS:
            raise Unavailable(
                f"Kafka at {settings.kafka_bootstrap} handed nothing over for {STALLED_SECONDS:g} s: see its log, and try again."
            )


def _is_over(message: Any, end: int) -> bool:
    from confluent_kafka import KafkaError

    if message.error() is not None:
        return bool(message.error().code() == KafkaError._PARTITION_EOF)
    return bool(message.offset() + 1 >= end)
