"""One assigned partition of a topic: its messages in order, its dedup state, and where its next block may be cut.

A lane lives as long as one assignment. Nothing in it survives: what matters is in Kafka (offset and pending block) and in
the tables, and `restore.open_lane` builds it again from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from sinks.exactly_once.recomputations import Edition
from streams.dedup.state import DedupState
from streams.intake.hold import HoldRule, PartitionWatermark

_MESSAGE_BYTES = 8_192
"""What a message takes beside its bytes: some dozen Python objects and numpy arrays."""
_NAME_BYTES = 64
"""What a workload's name takes beside its letters, which the message's size has: a string's head, and its place among the others."""


class UnreadableMessage(NamedTuple):
    """A message that could not be read, as it came."""

    reason: Unreadable
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class ReceivedMessage:
    """What a message says: of one that could be read, its columns are all that is needed and all that waits. `size`: bytes of its value."""

    offset: int
    arrived_us: int
    size: int
    content: FlowBatch | UnreadableMessage

    @property
    def flows(self) -> int:
        return len(self.content.flows) if isinstance(self.content, FlowBatch) else 0

    @property
    def held_bytes(self) -> int:
        """Memory, about: the columns, which are as large as the message was, its names, and what even an empty one takes."""
        names = len(self.content.workloads) if isinstance(self.content, FlowBatch) else 0
        return self.size + names * _NAME_BYTES + _MESSAGE_BYTES

    def released(self, rule: HoldRule, partitions: Sequence[PartitionWatermark], *, forwarded: bool = False) -> bool:
        """Whether its flows may be named; an unreadable message has none to wait for."""
        if not isinstance(self.content, FlowBatch):
            return True
        return rule.released(self.arrived_us, self.content.window_end_us, partitions, forwarded=forwarded)


@dataclass
class PartitionQueue:
    """`position`: offset of the next message to apply. `pending`: a block decided by an earlier worker or try."""

    partition: int
    generation: int
    topic: str = FLOWS_TOPIC
    dedup: DedupState | None = None
    position: int | None = None
    pending: tuple[int, int] | None = None
    edition: Edition = Edition()
    closed: bool = False
    queue: deque[ReceivedMessage] = field(default_factory=deque)
    queued_bytes: int = 0
    _last_offset: int = -1

    @property
    def forwarded(self) -> bool:
        """Other regions saw what comes here."""
        return self.topic != FLOWS_TOPIC

    @property
    def incomplete(self) -> bool:
        """Whether a pending block waits for messages that have not come yet: nothing of the lane can be applied before."""
        return self.pending is not None and self._last_offset < self.pending[1]

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
        if self.pending and self.queue and self.queue[0].offset > self.pending[1]:
            self.pending = None  # its messages are gone from Kafka: nothing is left to repeat
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
