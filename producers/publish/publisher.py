"""To Kafka: an idempotent producer that compresses, never blocks a caller who does not ask for it, and outlives outages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from producers.publish.kafka_client import KafkaError, KafkaException, Message, Producer
from schemas.errors import Unavailable
from schemas.kafka_causes import HeardErrors
from schemas.producer_settings import SAFE

log = logging.getLogger("weir.kafka")

OnAck = Callable[[str | None], None]
"""Called from poll or flush, once a message: with None when Kafka has it, else with the reason why not."""

Headers = Sequence[tuple[str, bytes]]

_QUIET = frozenset({KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""One broker's trouble (when it is every broker's, the client says so with another code), and what `close` gave up."""

_DEFAULTS: dict[str, Any] = {
    **SAFE,
    "linger.ms": 20,
    "queue.buffering.max.kbytes": 16_384,
    "queue.buffering.max.messages": 10_000,
    "message.max.bytes": 2_000_000,
    "log.connection.close": False,
    "log_level": 2,
}


class Publisher:
    """`config` adds to or overrides the client's settings (security, for one). Callbacks run in the polling thread."""

    def __init__(self, bootstrap: str, client_id: str = "weir", config: Mapping[str, Any] | None = None) -> None:
        self._bootstrap = bootstrap
        self._config = {**_DEFAULTS, "bootstrap.servers": bootstrap, "client.id": client_id, **(config or {})}
        self._broken = False
        self._reachable = True
        self.trouble = ""
        """Why no broker can be used, as a sentence; empty: one can, as far as is known."""
        self._heard = HeardErrors()
        self._producer = self._open()

    def offer(self, topic: str, key: bytes, value: bytes, on_ack: OnAck | None = None, headers: Headers = (), partition: int = -1) -> bool:
        """Hands a message to the client; False when its queue is full: poll, and offer it again later. Partition -1: by the key."""
        if self._broken:
            self._renew()
        try:
            self._producer.produce(topic, value, key, partition, self._delivered(on_ack), headers=list(headers))
        except BufferError:
            return False
        except KafkaException as error:
            self._failed(error.args[0])
            return False
        return True

    def produce(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        on_ack: OnAck | None = None,
        patience: float = 60.0,
        headers: Headers = (),
        partition: int = -1,
    ) -> None:
        """Like offer, but waits for room in the queue. Raises Unavailable after `patience` seconds without any."""
        deadline = time.monotonic() + patience
        while not self.offer(topic, key, value, on_ack, headers, partition):
            if time.monotonic() > deadline:
                reason = f"Kafka at {self._bootstrap} took nothing for {patience:g} s"
                raise Unavailable(f"{reason}; check that it runs and that topic {topic} exists.")
            self.poll(0.1)

    def poll(self, timeout: float) -> int:
        """Serves callbacks, waiting for the first so long; returns how many there were."""
        if self._broken:
            self._renew()
        return int(self._producer.poll(timeout))

    @property
    def queued(self) -> int:
        """Messages that the client holds, acknowledgements that were not served yet included. For any thread."""
        return len(self._producer)

    @property
    def queue_limits(self) -> tuple[int, int]:
        """Messages and bytes that the client holds at most."""
        return int(self._config["queue.buffering.max.messages"]), int(self._config["queue.buffering.max.kbytes"]) * 1024

    def flush(self, timeout: float) -> int:
        """Waits until every message is settled or the time is over; returns how many are not."""
        return int(self._producer.flush(timeout))

    def close(self) -> None:
        """Drops undelivered messages; their callbacks are called with an error."""
        self._producer.purge()
        self._producer.flush(1)

    def _open(self) -> Producer:
        return Producer({**self._config, "error_cb": self._failed, "logger": log})

    def _renew(self) -> None:
        """A client with a fatal error is done for; what it held comes back through the callbacks as undelivered."""
        self._broken = False
        self.close()
        self._producer = self._open()

    def _delivered(self, on_ack: OnAck | None) -> Callable[[KafkaError | None, Message], None]:
        def settle(error: KafkaError | None, message: Message) -> None:
            if error is None and not self._reachable:
                self._reachable, self.trouble = True, ""
                self._heard.forget()
                log.warning("Kafka at %s answers again.", self._bootstrap)
            if error is not None:
                self._failed(error)
            if on_ack is not None:
                on_ack(error.str() if error is not None else None)

        return settle

    def _failed(self, error: KafkaError) -> None:
        """Says once that Kafka is away, until it is back."""
        self._broken = self._broken or error.fatal()
        self._heard.note(error)
        if self._reachable and error.code() not in _QUIET:
            self._reachable = False
            self.trouble = self._heard.sentence(self._bootstrap)
            log.warning("Messages wait: %s", self.trouble)
