"""Batches of weir.flows that one of two readers has decoded and the other has still to read: each is decoded once.

The learner and the applier read the same partitions, each with a consumer of its own. Whichever reads a message first decodes it and
keeps the batch for the other, which takes it out. A batch is kept only for a reader that is known to come by: the applier, where it has
read of the partition since it was assigned and not beyond the message; the learner, where it has not read beyond the message.

A batch is handed out for equal bytes alone, so it never matters whether an offset is of a topic that was deleted and made anew.

Bounded: a full store keeps nothing more, and what it did not keep is decoded by both. Of a backlog it so keeps what the reader behind
needs first; the newest messages would be overwritten long before they are asked for.
"""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from schemas.records.flow_batch import FlowBatch
from streams.intake.messages import MESSAGE_BYTES, NAME_BYTES
from streams.observe import metrics

SHARED_BYTES_LIMIT = 32 * 1024 * 1024
"""Memory of messages that wait for their second reader, and of the learner's batches; the names of one message come on top."""

Reader = Literal["learner", "applier"]
_NOWHERE = sys.maxsize


class _Shared:
    """One message, decoded by whichever reader comes first; the other waits for it. `size`: what it counts for while it is kept."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.size = 0
        self._batch: FlowBatch | None = None
        self._lock = threading.Lock()

    def batch(self, decode: Callable[[], FlowBatch]) -> FlowBatch:
        """Raises as `decode` does, for each reader anew."""
        with self._lock:
            if self._batch is None:
                self._batch = decode()
            return self._batch


@dataclass
class _Side:
    """One reader in one partition. `waiting`: what the other one keeps for it, by offset, oldest first."""

    last: int
    waiting: dict[int, _Shared] = field(default_factory=dict)


class SharedBatches:
    """Used by two threads, each of which is one reader. Neither may change a batch: its columns are read-only."""

    def __init__(self, limit_bytes: int = SHARED_BYTES_LIMIT) -> None:
        self._limit_bytes = limit_bytes
        self._kept_bytes = 0
        self._lock = threading.Lock()
        self._learner: dict[int, _Side] = defaultdict(lambda: _Side(-1))
        self._applier: dict[int, _Side] = defaultdict(lambda: _Side(_NOWHERE))

    def batch(self, reader: Reader, partition: int, offset: int, value: bytes, decode: Callable[[], FlowBatch]) -> FlowBatch:
        """The batch of a message of weir.flows: the other reader's, or what `decode` gives. Blocks while the other one decodes it."""
        mine, theirs = (self._learner, self._applier) if reader == "learner" else (self._applier, self._learner)
        made = _Shared(value)
        with self._lock:
            found = self._take(mine[partition], theirs[partition], offset)
            if found is None:
                # What the applier has decoded waits in its queue in any case, and counts there.
                self._keep(theirs[partition], offset, made, len(value) * (2 if reader == "learner" else 1))
        if found is not None and found.value == value:
            return found.batch(decode)
        batch = made.batch(decode)
        with self._lock:
            self._count_names(made, batch)
        return batch

    def forget_applier(self) -> None:
        """The applier's partitions change: what is kept will not be asked for, or will be read again from an earlier offset."""
        with self._lock:
            for side in (*self._learner.values(), *self._applier.values()):
                self._drop(side)
            self._applier.clear()

    def measure(self) -> None:
        """Sets the gauge of what is kept."""
        metrics.fill("shared", self._kept_bytes, self._limit_bytes)

    # Under the lock.

    def _take(self, mine: _Side, theirs: _Side, offset: int) -> _Shared | None:
        """What is kept of the message. What lies before it has been passed, and is dropped; a reader that goes back has kept it in vain."""
        if offset <= mine.last:
            self._drop(theirs)
        mine.last = offset
        found = None
        while mine.waiting and (first := next(iter(mine.waiting))) <= offset:
            one = self._remove(mine, first)
            found = one if first == offset else None
        return found

    def _keep(self, theirs: _Side, offset: int, made: _Shared, held_bytes: int) -> None:
        size = held_bytes + MESSAGE_BYTES
        if theirs.last < offset and self._kept_bytes + size <= self._limit_bytes:
            made.size = size
            self._kept_bytes += size
            theirs.waiting[offset] = made

    def _count_names(self, made: _Shared, batch: FlowBatch) -> None:
        """How many names a message has is known once it is decoded."""
        if made.size:
            names = len(batch.workloads) * NAME_BYTES
            made.size += names
            self._kept_bytes += names

    def _drop(self, side: _Side) -> None:
        for offset in list(side.waiting):
            self._remove(side, offset)

    def _remove(self, side: _Side, offset: int) -> _Shared:
        one = side.waiting.pop(offset)
        self._kept_bytes -= one.size
        one.size = 0
        return one
