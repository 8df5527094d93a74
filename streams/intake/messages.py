"""A message of a topic that workers read: its columns, or why it cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from streams.intake.hold import HoldRule, PartitionWatermark

MESSAGE_BYTES = 8_192
"""What a message takes beside its bytes: some dozen Python objects and numpy arrays."""
NAME_BYTES = 64
"""What a workload's name takes beside its letters, which the message's size has: a string's head, and its place among the others."""
Headers = tuple[tuple[str, bytes], ...]


class UnreadableMessage(NamedTuple):
    """A message that cannot be used, as it came."""

    reason: Unreadable
    key: bytes
    value: bytes
    headers: Headers


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
        return self.size + names * NAME_BYTES + MESSAGE_BYTES

    def released(self, rule: HoldRule, partitions: Sequence[PartitionWatermark], *, forwarded: bool = False) -> bool:
        """Whether its flows may be named; an unreadable message has none to wait for."""
        if not isinstance(self.content, FlowBatch):
            return True
        return rule.released(self.arrived_us, self.content.window_end_us, partitions, forwarded=forwarded)
