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
from streams.kafka import Kafka
from streams.outputs.producer import BlockingProducer, Record
from streams.retry import Stopped, retried

logger = logging.getLogger(__name__)
_LAST_SECONDS = 2.0


class Forwarding:
    """`kafka`: of every other region, and of this one: reports of what had to be dropped go to its own topic."""

    def __init__(self, outbox: Outbox, kafka: Mapping[str, Kafka]) -> None:
        self._outbox = outbox
        self._links = {region: RegionLink(outbox, region, its) for region, its in kafka.items()}
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

    def __init__(self, outbox: Outbox, region: str, kafka: Kafka) -> None:
        super().__init__(name=f"forward-{region}", daemon=True)
        self.failed: BaseException | None = None
        self._outbox = outbox
        self._region = region
        self._kafka = kafka
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
            retried(f"region {self._region}", self._send_all, self._stop_wanted.wait, (Unavailable, KafkaException))
        except Stopped:
            return
        except BaseException as error:  # the worker must end with it: an outbox that nobody empties only fills
            self.failed = error

    def _send_all(self) -> None:
        """Returns when the thread is to end. After an error, a producer is not used again: it may hold what it did not send."""
        delivery = BlockingProducer(self._kafka, self._stop_wanted.is_set)
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
