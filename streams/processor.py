"""A block's way from a partition's queue to the commit behind it.

The order of a block, each step safe before the next:
  1. cut: messages of one partition whose hold is over (`streams.scheduler`);
  2. decide: the boundaries are committed as the offset's metadata, fenced by the consumer's generation;
  3. build: dedup, attribution, tables (pure, `streams.blocks.pipeline`);
  4. insert under the token of the boundaries, again and again while ClickHouse is away;
  5. put flows of other regions into the outbox, on disk: nobody waits for another region;
  6. publish attributed flows and dead letters downstream, acknowledged;
  7. commit the offset behind the block.
A worker that dies anywhere in between is repeated from 2 under the same boundaries. What Kafka dropped meanwhile is told by
`tell_dropped`, as `streams.intake.retention` says.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from schemas.failpoints import reach
from schemas.records.tables import BlockIdentity
from schemas.wire.framing import Framer
from streams.blocks.narrow import NOT_IN_THE_DATA
from streams.blocks.pipeline import Applied, Pipeline
from streams.blocks.rejecting import Rejecting
from streams.clock import now_us
from streams.dedup.restore import Restorer
from streams.forwarding.links import Forwarding
from streams.intake.app import WorkerApp
from streams.intake.messages import ReceivedMessage
from streams.intake.partition_queue import PartitionQueue, QueueClosed
from streams.intake.retention import OffsetGap, dropped, gaps
from streams.kafka import TopicCatalog
from streams.observe import metrics
from streams.observe.cpu_stages import stage
from streams.observe.liveness import Liveness
from streams.outputs.producer import BlockingProducer
from streams.retry import AsyncRetry, Stopped

logger = logging.getLogger(__name__)
T = TypeVar("T")
_LAST_ANSWER_SECONDS = 2.0
_DROPPED = "%s: Kafka dropped %d messages, offsets %d to %d, before they were applied; they are in the table losses"


@dataclass(frozen=True)
class BlockProcessor:
    """Runs on the event loop; what computes or waits for a server runs in its executor. `forwarding`: None where there is one region."""

    app: WorkerApp
    catalog: TopicCatalog
    framer: Framer
    pipeline: Pipeline
    rejecting: Rejecting
    restorer: Restorer
    producer: BlockingProducer
    forwarding: Forwarding | None
    liveness: Liveness
    retry: AsyncRetry

    async def starts(self, queues: Sequence[PartitionQueue]) -> dict[int, int]:
        """By partition: the offset that the group has stored, 0 where it has none. Raises QueueClosed."""
        if not queues:
            return {}
        stored = await self._consumer(queues[0], lambda: self.app.consumer_thread.committed([queue.place for queue in queues]))
        return {queue.partition: stored[queue.place].offset or 0 for queue in queues}

    async def open(self, queue: PartitionQueue) -> None:
        """Where the partition goes on, and what the tables have of it. Raises QueueClosed and TopicChanged."""
        committed = (await self._consumer(queue, lambda: self.app.consumer_thread.committed([queue.place])))[queue.place]
        queue.position, queue.pending = committed.offset, committed.pending
        edition, restore, topic_id = self.restorer.edition, self.restorer.restore, self.catalog.known.ids[queue.topic]
        queue.edition = await self._in_thread("ClickHouse", queue, lambda: edition(queue.topic, topic_id, queue.partition))
        if committed.pending is not None:
            in_hand = bool(queue.queue) and queue.queue[0].offset <= committed.pending[1]
            if not in_hand and committed.pending[1] < await self._earliest(queue):
                return await self.tell_dropped(queue)
            if committed.pending[1] < (committed.offset or 0):
                queue.pending = None  # another tool moved the offset beyond the block, and kept the metadata
        pending = None if queue.pending is None else self._identity(queue, *queue.pending)
        queue.resting.forget()
        queue.dedup = await self._in_thread("ClickHouse", queue, lambda: restore(queue.topic, queue.partition, pending))
        self.liveness.moved(queue.topic, queue.partition, queue.position or 0)

    async def apply(self, queue: PartitionQueue, cut: Sequence[ReceivedMessage]) -> None:
        """Steps 2 to 7 of the block. Raises QueueClosed, TopicChanged, and WeirError where too many messages cannot be used."""
        messages, gone = await self._left(queue, cut)
        reach("block.cut")
        await self._in_thread("Kafka", queue, lambda: self.catalog.confirm(queue.topic))
        if gone is not None and not messages:
            queue.pending = gone.boundaries
        first, last = queue.boundaries(messages)
        await self._decide(queue, messages[0].offset if messages else first, (first, last))
        reach("block.decided")
        if not messages:
            return await self.tell_dropped(queue)
        applied = await self._build(queue, self._identity(queue, first, last), messages)
        reach("block.built")
        await self._put_out(queue, applied)
        await self._decide(queue, last + 1, None if gone is None else gone.boundaries)
        reach("block.committed")
        if forwarding := self.forwarding:
            await self._in_thread("outbox", queue, lambda: forwarding.confirm(applied.identity, applied.forwarded))
        queue.drop(messages)
        self.liveness.moved(queue.topic, queue.partition, last + 1)
        self.pipeline.count(applied)
        metrics.COMMIT_TIME.set_to_current_time()
        reach("block.dropped")
        if gone is not None:
            queue.position, queue.pending = last + 1, gone.boundaries
            await self.tell_dropped(queue)

    async def tell_dropped(self, queue: PartitionQueue) -> None:
        """The pending block of a queue, of which Kafka has no message left: put into `losses` what the tables lack of it, commit the
        offset behind it, and open the queue anew, for dedup to know what of the block was written. Raises QueueClosed and TopicChanged.
        """
        first, last = queue.boundaries(())
        behind, gap = max(queue.position or 0, last + 1), OffsetGap(first, last + 1)
        await self._in_thread("Kafka", queue, lambda: self.catalog.confirm(queue.topic))
        # The name that its messages were written under reaches to the offset behind the whole block, where a part of it was applied.
        decided, arrived_us = self._identity(queue, first, behind - 1), queue.queue[0].arrived_us if queue.queue else now_us()
        tell, forwards = self.pipeline.tell_dropped, self.forwarding is not None and not queue.forwarded
        lost = await self._in_thread("ClickHouse", queue, lambda: tell(decided, gap, arrived_us, forwards=forwards))
        reach("loss.told")
        await self._decide(queue, behind, None)
        reach("loss.committed")
        if lost:
            logger.warning(_DROPPED, queue, lost, first, last)
        metrics.MESSAGES.labels("dropped").inc(lost)
        metrics.COMMIT_TIME.set_to_current_time()
        await self.open(queue)

    async def _left(self, queue: PartitionQueue, messages: Sequence[ReceivedMessage]) -> tuple[Sequence[ReceivedMessage], OffsetGap | None]:
        """What of the cut is to be applied now; and offsets that Kafka dropped: of a pending block from its beginning on, otherwise what
        stands before the first message, which comes first, alone.
        """
        offsets, pending = [message.offset for message in messages], queue.pending
        # The last gap of a pending block, the first before any other.
        found = gaps(queue.position, offsets) if pending is None else gaps(pending[0], [*offsets, pending[1] + 1])[::-1]
        gap = dropped(found, await self._earliest(queue)) if found else None
        if gap is None:
            return messages, None
        if pending is not None:
            return messages, OffsetGap(pending[0], gap.until)
        before = [message for message in messages if message.offset < gap.first]
        return before, None if before else gap

    async def _earliest(self, queue: PartitionQueue) -> int:
        return await self._consumer(queue, lambda: self.app.consumer_thread.earliest(queue.place))

    async def _build(self, queue: PartitionQueue, identity: BlockIdentity, messages: Sequence[ReceivedMessage]) -> Applied:
        """Remembers the block's flows in the queue's dedup state, and its heartbeats in `resting`: none where messages are rejected."""
        # A schema registry that is away is waited for here: once the build has begun, flows are remembered as seen.
        await self._in_thread("schema registry", queue, lambda: self.framer.frame("AttributedFlows", b""))
        dedup = queue.dedup
        if dedup is None:
            raise QueueClosed
        build, resting = self.pipeline.build, queue.resting
        try:
            return await asyncio.to_thread(build, identity, messages, dedup, queue.edition.published_to, resting)
        except NOT_IN_THE_DATA:
            raise
        except Exception as error:
            logger.warning("block %s cannot be built (%r): looking for the message to blame", identity, error)
        rejecting, published_to = self.rejecting, queue.edition.published_to
        applied, queue.dedup = await self._in_thread("Kafka", queue, lambda: rejecting.build(identity, messages, published_to))
        return applied

    async def _put_out(self, queue: PartitionQueue, applied: Applied) -> None:
        tries = itertools.count(1 if queue.pending else 0)
        await self._in_thread("ClickHouse", queue, lambda: self.pipeline.insert(applied, maybe_written=next(tries) > 0))
        reach("block.inserted")
        if forwarding := self.forwarding:
            await self._in_thread("outbox", queue, lambda: forwarding.keep(applied.identity, applied.forwarded))
        await self._in_thread("Kafka", queue, lambda: self._publish(applied))
        reach("block.published")

    def _publish(self, applied: Applied) -> None:
        with stage("publish"):
            self.producer.send(applied.records)

    def _identity(self, queue: PartitionQueue, first: int, last: int) -> BlockIdentity:
        return BlockIdentity(queue.topic, queue.partition, first, last, self.catalog.known.ids[queue.topic], queue.edition.number)

    async def _decide(self, queue: PartitionQueue, offset: int, pending: tuple[int, int] | None) -> None:
        """Commit. Raises QueueClosed where the partition is no longer ours: its next owner goes on from what is stored."""
        commit = self.app.consumer_thread.commit_decision
        if queue.closed or not await self._consumer(queue, lambda: commit(queue.place, offset, pending)):
            raise QueueClosed

    async def _consumer(self, queue: PartitionQueue, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The group consumer's answer. It asks a Kafka that is away for ever: a worker that stops raises QueueClosed instead."""
        return await self._patiently("Kafka", queue, lambda: self._answer(ask()))

    async def _answer(self, question: Coroutine[Any, Any, T]) -> T:
        asked = asyncio.ensure_future(question)
        stopping = asyncio.ensure_future(self.retry.stopping.wait())
        await asyncio.wait((asked, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not asked.done():
            await asyncio.wait((asked,), timeout=_LAST_ANSWER_SECONDS)
        if not asked.done():
            raise QueueClosed
        return asked.result()

    async def _in_thread(self, part: str, queue: PartitionQueue, call: Callable[[], T]) -> T:
        return await self._patiently(part, queue, lambda: asyncio.to_thread(call))

    async def _patiently(self, part: str, queue: PartitionQueue, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """A queue that is closed meanwhile is another worker's to repeat, and a worker that stops leaves the block pending."""
        try:
            return await self.retry(part, call, lambda: queue.closed)
        except Stopped as error:
            raise QueueClosed from error
