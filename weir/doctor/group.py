"""Consumer group of the workers: members, lag, and whether offsets move."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from schemas.errors import WeirError
from weir.doctor.finding import Finding
from weir.kafka.client import client_config, kafka_reason, quiet_logger

if TYPE_CHECKING:
    from streams.kafka import GroupShare
    from weir.settings.catalogue import Settings

PART = "group"
TIMEOUT_SECONDS = 5.0
LOOK_SECONDS, LOOK_EVERY_SECONDS = 10.0, 0.5
Offsets = dict[tuple[str, int], int]


def check_group(settings: Settings, look_seconds: float = LOOK_SECONDS) -> Finding:
    """Lag and commits of the group that WEIR_GROUP names, over the topics that workers of the region read.

    Lag alone is no fault: flows wait for the hold, and a backlog takes its time. Lag that is older than that, with no commit
    while the doctor looks, is one.
    """
    if not settings.kafka_bootstrap:
        return Finding(PART, None, "")
    from confluent_kafka import Consumer, KafkaException

    own = {"group.id": settings.group, "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(client_config(settings, **own), logger=quiet_logger())
    try:
        return _look(consumer, settings, look_seconds)
    except KafkaException as error:
        return Finding(PART, False, "not known", f"see Kafka ({kafka_reason(error)})")
    except WeirError as error:
        return Finding(PART, None, str(error))
    finally:
        consumer.close()


def _look(consumer: Any, settings: Settings, look_seconds: float) -> Finding:
    """The consumer never joins the group: it asks, and reads single messages."""
    ends, done = _ends(consumer, settings), _committed(consumer, settings)
    if fault := _share(settings, ends).fault:
        return Finding(PART, False, f"{settings.group}: {fault}", "start the workers that have none again; /health of each says so")
    behind = {place: end - done.get(place, low) for place, (low, end) in ends.items() if end > max(low, done.get(place, low))}
    if not behind:
        return Finding(PART, True, f"{settings.group} has read everything")
    said = f"{settings.group} is {sum(behind.values())} messages behind"
    oldest = max(_age(consumer, place, max(ends[place][0], done.get(place, 0))) for place in behind)
    if oldest <= settings.hold_seconds + settings.stall_seconds:
        return Finding(PART, True, f"{said}, the oldest since {oldest:.0f} s")
    deadline = time.monotonic() + look_seconds
    while time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_SECONDS)
        if _committed(consumer, settings) != done:
            return Finding(PART, True, f"{said}, the oldest since {oldest:.0f} s, and gets on")
    found = f"{said}, the oldest since {oldest:.0f} s, and committed nothing for {look_seconds:.0f} s"
    return Finding(PART, False, found, "start a `weir worker`, or see what the log and /health of those that run say")


def _share(settings: Settings, ends: Iterable[tuple[str, int]]) -> GroupShare:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient

    from streams.kafka import GroupShare, group_share

    admin = AdminClient(client_config(settings), logger=quiet_logger())
    try:
        return group_share(admin, settings.group, Counter(topic for topic, _ in ends), TIMEOUT_SECONDS)
    except KafkaException as error:
        if error.args[0].code() == KafkaError._UNSUPPORTED_FEATURE:  # librdkafka's own broker, of the demo
            return GroupShare(0, (), stable=False)
        raise


def _places(consumer: Any, settings: Settings) -> list[Any]:
    from confluent_kafka import TopicPartition

    from schemas.topics import FLOWS_TOPIC, forward_name

    known = consumer.list_topics(timeout=TIMEOUT_SECONDS).topics
    if FLOWS_TOPIC not in known:
        raise WeirError(f"there is no topic {FLOWS_TOPIC} to be read")
    read = [name for name in (FLOWS_TOPIC, forward_name(settings.region)) if name in known]
    return [TopicPartition(name, partition) for name in read for partition in known[name].partitions]


def _ends(consumer: Any, settings: Settings) -> dict[tuple[str, int], tuple[int, int]]:
    """Offset of the first message that is kept, and behind the last."""
    places = _places(consumer, settings)
    return {(place.topic, place.partition): consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS) for place in places}


def _committed(consumer: Any, settings: Settings) -> Offsets:
    places = consumer.committed(_places(consumer, settings), timeout=TIMEOUT_SECONDS)
    return {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}


def _age(consumer: Any, place: tuple[str, int], offset: int) -> float:
    """Seconds since the message at that offset came; 0 where it cannot be had."""
    from confluent_kafka import TopicPartition

    consumer.assign([TopicPartition(*place, offset)])
    message = consumer.poll(TIMEOUT_SECONDS)
    consumer.unassign()
    if message is None or message.error() is not None:
        return 0.0
    came_ms: int = message.timestamp()[1]
    return max(0.0, time.time() - came_ms / 1_000)
