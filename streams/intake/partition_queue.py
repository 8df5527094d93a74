"""One assigned partition of a topic: its messages in order, its dedup state, its last heartbeats, and where its next block may be cut.

A queue lives as long as one assignment. Nothing in it survives: what matters is in Kafka (offset and pending block) and in
the tables, and `BlockProcessor.open` builds it again from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from faust.types import TP

from schemas.topics import FLOWS_TOPIC
from sinks.exactly_once.recomputations import Edition
from streams.dedup.resting import Resting
from streams.dedup.state import DedupState
from streams.intake.messages import ReceivedMessage


@dataclass
class PartitionQueue:
    """`position`: offset of the next message to apply. `pending`: a block decided by an earlier worker or try.

    `followed`: the learner has been told of the assignment, and holds flows back for what it brings.
    """

    partition: int
    generation: int
    topic: str = FLOWS_TOPIC
    dedup: DedupState | None = None
    resting: Resting = field(default_factory=Resting)
    position: int | None = None
    pending: tuple[int, int] | None = None
    edition: Edition = Edition()
    closed: bool = False
    followed: bool = False
    queue: deque[ReceivedMessage] = field(default_factory=deque)
    queued_bytes: int = 0
    _last_offset: int = -1

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"

    @property
    def place(self) -> TP:
        return TP(self.topic, self.partition)

    @property
    def forwarded(self) -> bool:
        """Other regions saw what comes here."""
        return self.topic != FLOWS_TOPIC

    @property
    def incomplete(self) -> bool:
        """Whether a pending block waits for messages that have not come yet: nothing of the partition can be applied before."""
        return self.pending is not None and self._last_offset < self.pending[1]

    @property
    def dropped(self) -> bool:
        """Whether Kafka has no message left of a pending block: messages behind it have come, and none of it before them."""
        return self.pending is not None and bool(self.queue) and self.queue[0].offset > self.pending[1]

    def append(self, message: ReceivedMessage) -> bool:
        """Take the next message. One that was taken already (the consumer sought back) is the same message again: False."""
        if message.offset <= self._last_offset:
            return False
        self._last_offset = message.offset
        self.queue.append(message)
        self.queued_bytes += message.held_bytes
        return True

    def cut(self, block_flows: int, released: Callable[[ReceivedMessage], bool]) -> list[ReceivedMessage]:
        """Messages of the next block, left in the queue; empty when there is none to cut yet.

        A pending block is cut at its stored end and nowhere else; a new one ends before the first message that is still
        held, or once it carries `block_flows`.
        """
        block: list[ReceivedMessage] = []
        flows = 0
        for message in self.queue:
            if self.pending and message.offset > self.pending[1]:
                return block
            if not released(message):
                return [] if self.pending else block
            block.append(message)
            flows += message.flows
            if self.pending is None and flows >= block_flows:
                return block
        return [] if self.pending and (not block or block[-1].offset < self.pending[1]) else block

    def boundaries(self, block: Sequence[ReceivedMessage]) -> tuple[int, int]:
        """First and last offset that name the block; a pending one keeps its name."""
        return self.pending or (block[0].offset, block[-1].offset)

    def drop(self, block: Sequence[ReceivedMessage]) -> None:
        """The block is applied: forget its messages."""
        for message in block:
            self.queue.popleft()
            self.queued_bytes -= message.held_bytes
        self.position = block[-1].offset + 1
        self.pending = None


class QueueClosed(Exception):
    """The block at hand is not this worker's to finish."""
