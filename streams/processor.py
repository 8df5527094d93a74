"""Takes batches from Kafka through Faust and applies them, block by block.

The order of a block, each step safe before the next:
  1. cut: messages of one partition whose hold is over;
  2. decide: the boundaries are committed as the offset's metadata, fenced by the consumer's generation;
  3. build: dedup, attribution, tables (pure, `streams.blocks.pipeline`);
  4. insert under the token of the boundaries, again and again while ClickHouse is away;
  5. put flows of other regions into the outbox, on disk: nobody waits for another region;
  6. publish attributed flows and dead letters downstream, acknowledged;
  7. commit the offset behind the block.
A worker that dies anywhere in between is repeated from 2 under the same boundaries.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar, cast

from faust.streams import Stream
from faust.types import TP, EventT, StreamT

from schemas.errors import Unavailable
from schemas.failpoints import reach
from schemas.records.tables import BlockIdentity
from streams.blocks.pipeline import Applied, Pipeline
from streams.clock import now_us
from streams.dedup.restore import Restorer
from streams.dedup.state import DedupState
from streams.forwarding.links import Forwarding
from streams.intake.app import FETCH_BYTES, WorkerApp
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.intake.hold import HoldRule, PartitionWatermark
from streams.intake.partition_queue import PartitionQueue, ReceivedMessage, UnreadableMessage
from streams.intake.transport import DecisionThread
from streams.learning.learner import OwnershipLearner
from streams.observe import metrics
from streams.observe.cpu_stages import stage
from streams.observe.liveness import Liveness
from streams.outputs.producer import BlockingProducer

logger = logging.getLogger(__name__)
T = TypeVar("T")
_TAKE_MESSAGES = 32
_TAKE_WITHIN_SECONDS = 0.05
_QUEUED_BYTES_LIMIT = 128 * 1024 * 1024
"""Memory of messages that wait in lanes, from which a worker that is behind cuts its blocks: over eight partitions, a block of
WEIR_BLOCK_FLOWS each. The messages of one take come on top.
"""
_IDLE_SECONDS = 0.1
_LAST_ANSWER_SECONDS = 2.0
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


class BlockProcessor:
    """Lanes by topic and partition, fed by the Faust agent and emptied by `apply_forever`; both run on one event loop.

    `topic_ids`: the topics to be read, with Kafka's ids for them. `forwarding`: None where there is one region.
    """

    def __init__(
        self,
        app: WorkerApp,
        intake: MessageDecoder,
        knowledge: OwnershipLearner,
        rule: HoldRule,
        pipeline: Pipeline,
        restorer: Restorer,
        delivery: BlockingProducer,
        forwarding: Forwarding | None,
        block_flows: int,
        topic_ids: Mapping[str, str],
        refusals: DeadLetterLimit,
        progress: Liveness,
    ) -> None:
        self._app = app
        self._intake = intake
        self._knowledge = knowledge
        self._rule = rule
        self._pipeline = pipeline
        self._restorer = restorer
        self._delivery = delivery
        self._forwarding = forwarding
        self._block_flows = block_flows
        self._topic_ids = topic_ids
        self._refusals = refusals
        self._progress = progress
        self._lanes: dict[TP, PartitionQueue] = {}
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_partitions_assigned.connect(self._on_assigned)
        app.agent(app.topic(*topic_ids, key_type=bytes, value_type=bytes), name="weir.apply")(self._take_forever)

    # Taking: the Faust agent. Nothing is acknowledged here; offsets are committed with the blocks.

    async def _take_forever(self, stream: StreamT[bytes]) -> None:
        async for events in cast("Stream[bytes]", stream).noack_take(_TAKE_MESSAGES, within=_TAKE_WITHIN_SECONDS):
            for event in events:
                await self._take(cast("EventT[bytes]", event))
            self._measure_queue()
            await self._room.wait()

    async def _take(self, event: EventT[bytes]) -> None:
        """Queue the message in its lane. One of an earlier assignment, still in a buffer, comes again and is dropped here."""
        lane = self._lanes.get(event.message.tp)
        if lane is None or event.message.generation_id != lane.generation:
            return
        try:
            arrived = await self._patiently("schema registry", lane, lambda: self._intake.read(event))
        except QueueClosed:
            lane.closed = True
            return
        if lane.append(arrived):
            place = f"{event.message.topic}:{lane.partition}:{arrived.offset}"
            reason = arrived.content.reason if isinstance(arrived.content, UnreadableMessage) else None
            self._refusals.note(place, arrived.arrived_us, reason)
            metrics.REFUSED_SHARE.set(self._refusals.share)

    def _measure_queue(self) -> None:
        queued = sum(lane.queued_bytes for lane in self._lanes.values())
        metrics.QUEUED_BYTES.set(queued)
        metrics.fill("queue", queued, _QUEUED_BYTES_LIMIT)
        if self._lanes:
            metrics.fill("fetch", self._consumer_thread.fetched_bytes, len(self._lanes) * FETCH_BYTES)
            states = [lane.dedup for lane in self._lanes.values() if lane.dedup is not None]
            metrics.fill("dedup", sum(state.entries for state in states), sum(state.max_entries for state in states))
        # A block that was decided comes whole or not at all: what is missing of one is taken, however full the queue is.
        if queued < _QUEUED_BYTES_LIMIT or any(lane.incomplete for lane in self._lanes.values()):
            self._room.set()
        else:
            self._room.clear()

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        for lane in self._lanes.values():
            lane.closed = True
        self._lanes = {}
        self._progress.forget()
        self._measure_queue()

    async def _on_assigned(self, *args: Any, **_: Any) -> None:
        assigned: set[TP] = args[-1]
        generation = self._app.consumer_generation_id
        self._refusals.forget()
        self._lanes = {tp: PartitionQueue(tp.partition, generation, tp.topic) for tp in assigned if tp.topic in self._topic_ids}
        for topic in self._topic_ids:
            logger.info("assigned partitions %s of %s", sorted(tp.partition for tp in self._lanes if tp.topic == topic), topic)

    # Applying.

    async def apply_forever(self) -> None:
        """Ends after `stop`, between two blocks; raises what ended a thread of the worker, and where too many messages are refused."""
        while not self._stopping.is_set():
            if failed := self._knowledge.failed or (self._forwarding and self._forwarding.failed):
                raise failed
            progressed = [await self._step(lane) for lane in list(self._lanes.values())]
            self._measure_queue()
            if not any(progressed):
                await self._pause(_IDLE_SECONDS)

    def stop(self) -> None:
        self._stopping.set()
        self._room.set()

    async def _step(self, lane: PartitionQueue) -> bool:
        """Open the lane, or apply its next block; False where there is nothing to do yet. Raises WeirError by `DeadLetterLimit.check`."""
        if lane.closed or self._stopping.is_set():
            return False
        try:
            if lane.dedup is None:
                return await self._open(lane)
            self._refusals.check()
            partitions = self._knowledge.progress()
            block = [] if partitions is None else self._cut(lane, partitions)
            if self._refusals.sampling and any(isinstance(message.content, UnreadableMessage) for message in block):
                block = []
            if not block and (lane.queue or partitions is None):
                self._progress.held(lane.topic, lane.partition)
            self._measure_hold(lane, block)
            return bool(block) and await self._apply(lane, block, lane.dedup)
        except QueueClosed:
            lane.closed = True
            return False

    def _cut(self, lane: PartitionQueue, partitions: Sequence[PartitionWatermark]) -> list[ReceivedMessage]:
        return lane.cut(self._block_flows, lambda message: message.released(self._rule, partitions, forwarded=lane.forwarded))

    async def _open(self, lane: PartitionQueue) -> bool:
        committed = (await self._answer(self._consumer_thread.committed([_tp(lane)])))[_tp(lane)]
        lane.position, lane.pending = committed.offset, committed.pending
        edition, restore, topic_id = self._restorer.edition, self._restorer.restore, self._topic_ids[lane.topic]
        lane.edition = await self._in_thread("ClickHouse", lane, lambda: edition(lane.topic, topic_id, lane.partition))
        pending = None if committed.pending is None else self._identity(lane, *committed.pending)
        lane.dedup = await self._in_thread("ClickHouse", lane, lambda: restore(lane.topic, lane.partition, pending))
        self._progress.moved(lane.topic, lane.partition, lane.position or 0)
        self._follow()
        return True

    def _follow(self) -> None:
        """Let the knowledge thread read ahead on every lane of weir.flows whose start is known.

        What other regions forward teaches nothing here: its nodes and addresses are theirs.
        """
        lanes = [lane for lane in self._lanes.values() if not lane.forwarded and lane.dedup is not None]
        self._knowledge.follow({lane.partition: lane.position or 0 for lane in lanes})

    async def _apply(self, lane: PartitionQueue, messages: Sequence[ReceivedMessage], dedup: DedupState) -> bool:
        first, last = lane.boundaries(messages)
        reach("block.cut")
        await self._decide(lane, messages[0].offset, (first, last))
        reach("block.decided")
        identity = self._identity(lane, first, last)
        applied = await asyncio.to_thread(self._pipeline.build, identity, messages, dedup, lane.edition.published_to)
        reach("block.built")
        tries = itertools.count(1 if lane.pending else 0)
        await self._in_thread("ClickHouse", lane, lambda: self._pipeline.insert(applied, maybe_written=next(tries) > 0))
        reach("block.inserted")
        if forwarding := self._forwarding:
            await self._in_thread("outbox", lane, lambda: forwarding.keep(identity, applied.forwarded))
        await self._in_thread("Kafka", lane, lambda: self._publish(applied))
        reach("block.published")
        await self._decide(lane, last + 1, None)
        reach("block.committed")
        if forwarding:
            await self._in_thread("outbox", lane, lambda: forwarding.confirm(identity, applied.forwarded))
        lane.drop(messages)
        self._progress.moved(lane.topic, lane.partition, last + 1)
        self._pipeline.count(applied)
        metrics.COMMIT_TIME.set_to_current_time()
        reach("block.dropped")
        return True

    def _publish(self, applied: Applied) -> None:
        with stage("publish"):
            self._delivery.send(applied.records)

    def _identity(self, lane: PartitionQueue, first: int, last: int) -> BlockIdentity:
        return BlockIdentity(lane.topic, lane.partition, first, last, self._topic_ids[lane.topic], lane.edition.number)

    async def _decide(self, lane: PartitionQueue, offset: int, pending: tuple[int, int] | None) -> None:
        """Commit. Raises QueueClosed where the partition is no longer ours: its next owner goes on from what is stored."""
        commit = self._consumer_thread.commit_decision
        if lane.closed or not await self._patiently("Kafka", lane, lambda: self._answer(commit(_tp(lane), offset, pending))):
            raise QueueClosed

    async def _answer(self, question: Coroutine[Any, Any, T]) -> T:
        """The consumer's answer. It asks a Kafka that is away for ever: a worker that stops raises QueueClosed instead."""
        asked = asyncio.ensure_future(question)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((asked, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not asked.done():
            await asyncio.wait((asked,), timeout=_LAST_ANSWER_SECONDS)
        if not asked.done():
            raise QueueClosed
        return asked.result()

    async def _in_thread(self, part: str, lane: PartitionQueue, call: Callable[[], T]) -> T:
        result: T = await self._patiently(part, lane, lambda: asyncio.to_thread(call))
        return result

    async def _patiently(self, part: str, lane: PartitionQueue, call: Callable[[], Any]) -> Any:
        """Try until it succeeds. A server that is away is waited for: the lag tells, nothing is given up.

        A lane that is closed meanwhile is another worker's to repeat, and a worker that stops leaves the block pending.
        """
        tries = 0
        while True:
            try:
                result = call()
                return await result if asyncio.iscoroutine(result) else result
            except Unavailable as error:
                if lane.closed or self._stopping.is_set():
                    raise QueueClosed from error
                metrics.RETRIES.labels(part).inc()
                self._progress.waits_for(part, str(error))
                if tries in (0, 10, 100) or tries % 1000 == 0:
                    logger.warning("%s is not available, trying on: %s", part, error)
                await self._pause(_RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)])
                tries += 1

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _measure_hold(self, lane: PartitionQueue, block: Sequence[ReceivedMessage]) -> None:
        held = lane.queue[len(block)] if len(lane.queue) > len(block) else None
        metrics.HELD_SECONDS.set(0 if held is None else max(0, now_us() - held.arrived_us) / 1_000_000)

    @property
    def _consumer_thread(self) -> DecisionThread:
        return cast(DecisionThread, cast(Any, self._app.consumer)._thread)


class QueueClosed(Exception):
    """The block at hand is not this worker's to finish."""


def _tp(lane: PartitionQueue) -> TP:
    return TP(lane.topic, lane.partition)
