"""Partitions that are this worker's at the moment, each with its queue; rebalances change them, on the event loop."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from faust.types import TP

from streams.intake.app import FETCH_BYTES, WorkerApp
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.intake.partition_queue import PartitionQueue
from streams.observe import metrics
from streams.observe.liveness import Liveness

logger = logging.getLogger(__name__)
QUEUED_BYTES_LIMIT = 128 * 1024 * 1024
"""Memory of messages that wait in queues, from which a worker that is behind cuts its blocks: over eight partitions, a block of
WEIR_BLOCK_FLOWS each. The messages of one take come on top.
"""


class Assignment:
    """`topics`: those that the group reads. A queue of an earlier assignment is closed: what it holds is its next owner's.

    `is_new`: the group has told this worker its share, if only that it is empty, and nothing has been made of it yet.
    """

    def __init__(
        self, app: WorkerApp, topics: Collection[str], limit: DeadLetterLimit, liveness: Liveness, decoder: MessageDecoder
    ) -> None:
        self._app = app
        self._topics = topics
        self._limit = limit
        self._liveness = liveness
        self._decoder = decoder
        self._queues: dict[TP, PartitionQueue] = {}
        self.is_new = False
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_partitions_assigned.connect(self._on_assigned)

    @property
    def queues(self) -> list[PartitionQueue]:
        return list(self._queues.values())

    def queue_of(self, place: TP) -> PartitionQueue | None:
        return self._queues.get(place)

    @property
    def has_room(self) -> bool:
        """Whether messages may be taken. A block that was decided comes whole or not at all: what is missing of one always may."""
        return self._queued_bytes < QUEUED_BYTES_LIMIT or any(queue.incomplete for queue in self._queues.values())

    def measure(self) -> None:
        """Sets the gauges of what waits."""
        queued = self._queued_bytes
        metrics.QUEUED_BYTES.set(queued)
        metrics.fill("queue", queued, QUEUED_BYTES_LIMIT)
        self._decoder.measure()
        if self._queues:
            metrics.fill("fetch", self._app.consumer_thread.fetched_bytes, len(self._queues) * FETCH_BYTES)
            states = [queue.dedup for queue in self._queues.values() if queue.dedup is not None]
            resting = [queue.resting for queue in self._queues.values()]
            metrics.fill("resting", sum(one.bytes for one in resting), sum(one.max_bytes for one in resting))
            metrics.fill("dedup", sum(state.entries for state in states), sum(state.max_entries for state in states))

    @property
    def _queued_bytes(self) -> int:
        return sum(queue.queued_bytes for queue in self._queues.values())

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        for queue in self._queues.values():
            queue.closed = True
        self._queues, self.is_new = {}, False
        self._decoder.shared.forget_applier()
        self._liveness.forget()

    async def _on_assigned(self, *args: Any, **_: Any) -> None:
        assigned: set[TP] = args[-1]
        generation = self._app.consumer_generation_id
        self._limit.forget()
        self._decoder.shared.forget_applier()
        self._queues = {tp: PartitionQueue(tp.partition, generation, tp.topic) for tp in assigned if tp.topic in self._topics}
        self.is_new = True
        for topic in self._topics:
            logger.info("assigned partitions %s of %s", sorted(tp.partition for tp in self._queues if tp.topic == topic), topic)
