"""Another try at dead letters: the untouched message, once, to the topic and partition that it came from."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from schemas.headers import REPLAYED
from schemas.topics import DEAD_LETTER_TOPIC
from weir.dead_letter.letters import Letter, Place, asked_place, find_letter, read_letters
from weir.failures import tell
from weir.kafka.acknowledged import Outbox
from weir.kafka.client import client_config, kafka_unavailable, quiet_logger

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

LARGEST_BYTES = 16 * 1024 * 1024
"""Brokers decide how large a message may be: what they took once is not refused here."""
REMEMBERED = 1_000_000
SHOWN_REFUSALS = 20
TIMEOUT_SECONDS = 10.0


def outbox_for(settings: Settings) -> Outbox:
    """Idempotent, and open for messages of any size that a topic may hold."""
    return Outbox(settings, **{"message.max.bytes": LARGEST_BYTES, "queue.buffering.max.kbytes": 4 * LARGEST_BYTES // 1024})


class Replay:
    """What was replayed, by topic, and what could not be.

    A node's repeats are recognised within its partition, so that a message goes back to exactly where it stood. A message with
    several letters (it failed again, or a worker died before it could note that it had put it aside) goes once; of that,
    `REMEMBERED` messages are remembered, and beyond that a repeat does no harm.
    """

    def __init__(self, settings: Settings, outbox: Outbox, stop: threading.Event) -> None:
        self._settings = settings
        self._outbox = outbox
        self._stop = stop
        self._partitions = _partitions(settings)
        self._seen: dict[object, None] = {}
        self.sent = Counter[str]()
        self.refused = 0

    def send_all(self, names: Iterable[str], reason: str = "") -> None:
        """The letters named, or where none is, all with `reason` in theirs. Raises WeirError, after what went before."""
        for letter in self._chosen(list(names), reason):
            self._send(letter)

    def _chosen(self, names: list[str], reason: str) -> Iterator[Letter]:
        if not names:
            yield from read_letters(self._settings, self._stop, reason)
            return
        for place in [asked_place(name) for name in names]:
            yield find_letter(self._settings, self._stop, place)

    def _send(self, letter: Letter) -> None:
        if self._is_repeat(letter):
            return
        source, complaint = letter.source, self._complaint(letter.source)
        if source is None or complaint:
            self.refused += 1
            if self.refused <= SHOWN_REFUSALS:
                tell(f"letter {letter.name} cannot be replayed: {complaint}")
            return
        headers = [*letter.headers, (REPLAYED, str(letter.first).encode())]
        self._outbox.send(source.topic, letter.key, letter.value, headers, source.partition)
        self.sent[source.topic] += 1

    def _is_repeat(self, letter: Letter) -> bool:
        message = letter.first or letter.place
        if message in self._seen:
            return True
        if len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[message] = None
        return False

    def _complaint(self, source: Place | None) -> str:
        if source is None:
            return "no header tells where it came from."
        topic, partition, _ = source
        if not topic.startswith("weir.") or topic == DEAD_LETTER_TOPIC:
            return f"{topic} is no topic that workers read."
        if partition >= self._partitions.get(topic, 0):
            return f"Kafka has no partition {partition} of topic {topic}."
        return ""

    def __str__(self) -> str:
        sent = ", ".join(f"{count} message{'s' * (count != 1)} to {topic}" for topic, count in sorted(self.sent.items())) or "nothing"
        return f"replayed {sent}" + (f"; {self.refused} letters could not be" if self.refused else "")


def _partitions(settings: Settings) -> dict[str, int]:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(client_config(settings), logger=quiet_logger())
    try:
        cluster = admin.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        raise kafka_unavailable(settings.kafka_bootstrap, error, admin) from error
    return {name: len(topic.partitions) for name, topic in cluster.topics.items() if topic.error is None}
