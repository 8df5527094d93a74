"""Publishing from a command: bounded, and not done until Kafka has acknowledged everything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schemas.errors import Unavailable

if TYPE_CHECKING:
    from producers.publish.publisher import Headers
    from weir.settings.catalogue import Settings

ACK_SECONDS = 60.0
"""How long Kafka may acknowledge nothing at all before a command gives up."""


class Outbox:
    """Messages on their way to Kafka. `send` waits while too many are open, `wait` until none is."""

    def __init__(self, settings: Settings, ack_seconds: float = ACK_SECONDS, **config: object) -> None:
        """`config`: what the client is to do in another way than agents do."""
        from producers.publish.publisher import Publisher
        from weir.kafka.client import security_config

        self._bootstrap = settings.kafka_bootstrap
        self._ack_seconds = ack_seconds
        self._publisher = Publisher(settings.kafka_bootstrap, "weir-replay", {**security_config(settings), **config})
        self.sent = 0
        self.acknowledged = 0
        self._refusal = ""

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers = (), partition: int = -1) -> None:
        """Raises Unavailable when Kafka takes nothing for too long, or has refused a message."""
        self._check()
        self._publisher.produce(topic, key, value, self._settled, self._ack_seconds, headers, partition)
        self.sent += 1
        self._publisher.poll(0)

    def wait(self) -> None:
        """Returns when everything sent is acknowledged. Raises Unavailable when nothing is for too long."""
        before, since = self.acknowledged, time.monotonic()
        while self.acknowledged < self.sent:
            self._check()
            self._publisher.poll(0.1)
            if self.acknowledged > before:
                before, since = self.acknowledged, time.monotonic()
            elif time.monotonic() - since > self._ack_seconds:
                raise self._not_taken(f"acknowledged nothing for {self._ack_seconds:g} s")

    def close(self) -> None:
        self._publisher.close()

    def _settled(self, refusal: str | None) -> None:
        if refusal is None:
            self.acknowledged += 1
        else:
            self._refusal = refusal

    def _check(self) -> None:
        if self._refusal:
            raise self._not_taken(f"refused a message ({self._refusal})")

    def _not_taken(self, why: str) -> Unavailable:
        return Unavailable(
            f"Kafka at {self._bootstrap} {why} and has {self.acknowledged} of {self.sent} messages: run the same again, repeats do no harm."
        )
