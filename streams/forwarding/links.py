"""The way to other regions: from the outbox to their Kafka, a thread for each. Own work never waits for them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaException

from schemas.errors import Unavailable
from schemas.failpoints import reach
from schemas.records.tables import BlockIdentity
from schemas.topics import forward_name
from streams.forwarding.outbox import Outbox
from streams.forwarding.split import ForwardedBatch
from streams.outputs.producer import BlockingProducer, Record

logger = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_LAST_SECONDS = 2.0


class Forwarding:
    """`kafka`: bootstrap of every other region, and of this one: reports of what had to be dropped go to its own topic."""

    def __init__(self, outbox: Outbox, kafka: Mapping[str, str], security: dict[str, str]) -> None:
        self._outbox = outbox
        self._links = {region: RegionLink(outbox, region, bootstrap, security) for region, bootstrap in kafka.items()}
        for region in sorted(outbox.waiting().keys() - kafka.keys()):
            logger.warning("messages for region %s stay in the outbox: WEIR_REGION_KAFKA does not say where its Kafka is", region)

    @property
    def failed(self) -> BaseException | None:
        return next((link.failed for link in self._links.values() if link.failed is not None), None)

    def start(self) -> None:
        for link in self._links.values():
            link.start()

    def keep(self, identity: BlockIdentity, forwarded: Sequence[ForwardedBatch]) -> None:
        """Returns once the block's messages are safe. Raises Unavailable where the disk does not take them."""
        if forwarded:
            self._outbox.add(identity, forwarded)
            reach("outbox.kept")
            for link in self._links.values():
                link.wake()

    def confirm(self, identity: BlockIdentity, forwarded: Sequence[ForwardedBatch]) -> None:
        """The block is committed."""
        if forwarded:
            self._outbox.confirm(identity)
            reach("outbox.confirmed")

    def close(self) -> None:
        """Send what can be sent at once; the rest is sent at the next start."""
        deadline = time.monotonic() + _LAST_SECONDS
        for link in self._links.values():
            link.finish()
        for link in self._links.values():
            link.join(max(0.0, deadline - time.monotonic()))
        for link in self._links.values():
            link.stop()
        for link in self._links.values():
            link.join()
        self._outbox.close()


class RegionLink(threading.Thread):
    """One region's messages, in order, again until its Kafka has them. `failed` holds the error that ended the thread, if one did."""

    def __init__(self, outbox: Outbox, region: str, bootstrap: str, security: dict[str, str]) -> None:
        super().__init__(name=f"forward-{region}", daemon=True)
        self.failed: BaseException | None = None
        self._outbox = outbox
        self._region = region
        self._servers = bootstrap
        self._security = security
        self._topic = forward_name(region)
        self._work = threading.Event()
        self._last = threading.Event()
        self._stop_wanted = threading.Event()

    def wake(self) -> None:
        """There is something in the outbox."""
        self._work.set()

    def finish(self) -> None:
        """End once nothing waits."""
        self._last.set()
        self._work.set()

    def stop(self) -> None:
        """End now."""
        self._stop_wanted.set()
        self._work.set()

    def run(self) -> None:
        try:
            while not self._stop_wanted.is_set():
                try:
                    self._send(BlockingProducer(self._servers, self._security, self._stop_wanted.is_set))
                    return
                except (Unavailable, KafkaException) as error:
                    if not self._stop_wanted.is_set():
                        logger.warning("region %s at %s takes nothing now, trying on: %s", self._region, self._servers, error)
                self._stop_wanted.wait(_RETRY_SECONDS)
        except BaseException as error:  # the worker must end with it: an outbox that nobody empties only fills
            self.failed = error

    def _send(self, delivery: BlockingProducer) -> None:
        """Returns when the thread is to end. After an error, a producer is not used again: it may hold what it did not send."""
        while not self._stop_wanted.is_set():
            self._work.clear()
            if waiting := self._outbox.head(self._region):
                delivery.send(Record(self._topic, message.key, message.value) for message in waiting)
                reach("link.sent")
                self._outbox.remove(self._region, waiting)
                reach("link.removed")
            elif self._last.is_set():
                return
            else:
                self._work.wait()
