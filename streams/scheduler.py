"""Which partition's block comes next: one pass after the other over the queues, until the worker stops."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from streams.clock import now_us
from streams.forwarding.links import Forwarding
from streams.intake.assignment import Assignment
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.hold import HoldRule, PartitionWatermark
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.intake.partition_queue import PartitionQueue, QueueClosed
from streams.intake.receiver import Receiver
from streams.learning.learner import OwnershipLearner
from streams.observe import metrics
from streams.observe.liveness import Liveness, Place
from streams.processor import BlockProcessor
from streams.retry import AsyncRetry

_IDLE_SECONDS = 0.1
_LOOK_SECONDS = 0.5


class _Heard:
    """What the learner knows, asked once for all queues, and again after each wait."""

    def __init__(self, learner: OwnershipLearner) -> None:
        self._learner = learner
        self._known: tuple[Sequence[PartitionWatermark] | None] | None = None

    def progress(self) -> Sequence[PartitionWatermark] | None:
        if self._known is None:
            self._known = (self._learner.progress(),)
        return self._known[0]

    def forget(self) -> None:
        self._known = None


@dataclass(frozen=True)
class Scheduler:
    """`block_flows`: a block ends once it carries so many."""

    assignment: Assignment
    receiver: Receiver
    processor: BlockProcessor
    learner: OwnershipLearner
    forwarding: Forwarding | None
    rule: HoldRule
    limit: DeadLetterLimit
    liveness: Liveness
    retry: AsyncRetry
    block_flows: int

    async def run(self) -> None:
        """Ends after `stop`, between two blocks; raises what ended a thread of the worker, and where too many messages are refused."""
        while not self.retry.stopping.is_set():
            if failed := self.learner.failed or (self.forwarding and self.forwarding.failed):
                raise failed
            heard = _Heard(self.learner)
            progressed = [await self._step(queue, heard) for queue in self.assignment.queues]
            self.receiver.make_room()
            if not any(progressed):
                await self.retry.pause(_IDLE_SECONDS)

    def stop(self) -> None:
        self.retry.stopping.set()
        self.receiver.make_room()

    async def _step(self, queue: PartitionQueue, heard: _Heard) -> bool:
        """Open the queue, or apply its next block; False where there is nothing to do yet. Raises WeirError by `DeadLetterLimit.check`."""
        if queue.closed or self.retry.stopping.is_set():
            return False
        try:
            if queue.dedup is None:
                heard.forget()
                await self.processor.open(queue)
                return True
            if queue.dropped:
                heard.forget()
                await self.processor.tell_dropped(queue)
                return True
            block = self._next_block(queue, heard)
            if block:
                heard.forget()
                await self.processor.apply(queue, block)
            return bool(block)
        except QueueClosed:
            queue.closed = True
            return False

    def _next_block(self, queue: PartitionQueue, heard: _Heard) -> list[ReceivedMessage]:
        self.limit.check()
        partitions = heard.progress() if queue.followed else None
        block = [] if partitions is None else self._cut(queue, partitions)
        if self.limit.sampling and any(isinstance(message.content, UnreadableMessage) for message in block):
            block = []
        if not block and (queue.queue or partitions is None):
            self.liveness.held(queue.topic, queue.partition)
        held = queue.queue[len(block)] if len(queue.queue) > len(block) else None
        metrics.HELD_SECONDS.set(0 if held is None else max(0, now_us() - held.arrived_us) / 1_000_000)
        return block

    def _cut(self, queue: PartitionQueue, partitions: Sequence[PartitionWatermark]) -> list[ReceivedMessage]:
        return queue.cut(self.block_flows, lambda message: message.released(self.rule, partitions, forwarded=queue.forwarded))

    async def follow(self) -> None:
        """Lets the learner read ahead, until `stop`, on every partition of weir.flows that an assignment brings, as soon as Kafka has told
        where. ClickHouse is not waited for, nor a block at hand: while a partition is not followed, its names reach no worker.

        Until then no block of the assignment is cut: by older watermarks a partition whose worker died may not be waited for. In a
        rebalance the learner goes on with those that it may keep. What other regions forward teaches nothing here: its nodes and
        addresses are theirs.
        """
        while not self.retry.stopping.is_set():
            if self.assignment.is_new:
                self.assignment.is_new = False
                queues = self.assignment.queues
                with contextlib.suppress(QueueClosed):
                    self.learner.follow(await self.processor.starts([queue for queue in queues if not queue.forwarded]))
                    for queue in queues:
                        queue.followed = True
            await self.retry.pause(_IDLE_SECONDS)

    def _end(self, queue: PartitionQueue) -> int:
        """The offset behind the last message of the partition."""
        applied_to = queue.queue[-1].offset + 1 if queue.queue else queue.position or 0
        heard = self.processor.app.consumer_thread.end_after(queue.place, applied_to)
        return max(heard, self.learner.read_to.get((queue.topic, queue.partition), 0))

    async def note_ends(self) -> None:
        """Tells `liveness`, until `stop`, how far the topics go, as far as either of two consumers has heard: one alone may have stopped to
        listen. It goes on while a block waits for a server.
        """
        while not self.retry.stopping.is_set():
            self.liveness.saw_ends({Place(queue.topic, queue.partition): self._end(queue) for queue in self.assignment.queues})
            await self.retry.pause(_LOOK_SECONDS)
