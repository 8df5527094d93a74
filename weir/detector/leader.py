"""Which detector leads: the one that has the only partition of `weir.findings` in the group. Others wait to be given it.

One that lost it may not know yet: what it writes then is refused by Kafka, because its successor has fenced it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from confluent_kafka import Consumer, Message

from schemas.topics import FINDINGS_TOPIC
from streams.kafka import Kafka

log = logging.getLogger("weir.detector")
POLL_SECONDS = 0.5


class Candidate(threading.Thread):
    """A member of the group, from its start until `close`."""

    def __init__(self, kafka: Kafka, group: str, session_seconds: int) -> None:
        super().__init__(name="candidate", daemon=True)
        own = {
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",  # who leads goes on when another comes
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "session.timeout.ms": session_seconds * 1000,
            "heartbeat.interval.ms": max(100, session_seconds * 1000 // 5),
            "max.poll.interval.ms": max(60_000, session_seconds * 1000),
        }
        self._consumer = Consumer({**kafka.client(), **own}, logger=logging.getLogger("librdkafka"))
        self._over = threading.Event()
        self._leading = threading.Event()
        self.trouble = ""
        """Why the group gives no lead, as far as Kafka said so; empty: it did not."""

    @property
    def leads(self) -> bool:
        return self._leading.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it leads, at the latest after so long."""
        return self._leading.wait(seconds)

    def run(self) -> None:
        self._consumer.subscribe([FINDINGS_TOPIC], on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)
        try:
            while not self._over.is_set():
                self._note(self._consumer.poll(POLL_SECONDS))
        finally:
            self._leading.clear()
            self._consumer.close()

    def close(self) -> None:
        """Leaves the group: another is given the partition at once."""
        self._over.set()
        if self.is_alive():
            self.join(10.0)

    def _note(self, message: Message | None) -> None:
        """What comes of the topic is read elsewhere; an error says why there is no lead."""
        error = message.error() if message is not None else None
        if error is not None and error.str() != self.trouble:
            log.warning("The group that decides which detector leads: %s", error.str())
            self.trouble = error.str()

    def _given(self, consumer: Any, places: list[Any]) -> None:
        if places:
            log.info("this detector leads")
            self.trouble = ""
            self._leading.set()

    def _taken(self, consumer: Any, places: list[Any]) -> None:
        if self._leading.is_set():
            log.info("this detector leads no more")
        self._leading.clear()
