"""A watcher that is played: its words on weir.ip-events, and its watermark again and again for as long as it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from schemas.records.cluster import ClusterRecord, WatcherWatermark, key_of
from schemas.topics import IP_EVENTS_TOPIC
from schemas.wire.cluster_codec import encode_cluster_record
from schemas.wire.framing import Framer

_AGAIN_SECONDS = 0.3


class PlayedWatcher:
    """Called `name`; it has told everything from `since_us` to `until_us`. Safe for use by several threads at once."""

    def __init__(self, bootstrap: str, name: str, since_us: int, until_us: int) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
        self._framer = Framer(None)
        self._name, self._since_us, self._until_us = name, since_us, until_us
        self._lock = threading.Lock()

    def tell(self, *records: ClusterRecord) -> None:
        """Returns once Kafka has them, and behind them the watermark."""
        with self._lock:
            for record in (*records, WatcherWatermark("default", self._name, self._since_us, self._until_us)):
                value = self._framer.frame(type(record).__name__, encode_cluster_record(record))
                self._producer.produce(IP_EVENTS_TOPIC, value, key_of(record))
            assert self._producer.flush(30) == 0

    def has_told_until(self, until_us: int) -> None:
        with self._lock:
            self._until_us = until_us
        self.tell()

    @contextmanager
    def living(self) -> Iterator[None]:
        """Within, its watermark comes again and again, wherever it stands."""
        over = threading.Event()

        def live() -> None:
            while not over.wait(_AGAIN_SECONDS):
                self.tell()

        thread = threading.Thread(target=live, name="watcher", daemon=True)
        self.tell()
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
