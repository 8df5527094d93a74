"""Watermarks of the partitions of weir.flows: how far each has been read and learned, by this worker or, as they publish it, by others."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace

from schemas.records.ownership import Watermark
from schemas.records.validation import INSTANT_LIMIT_US
from streams.clock import elapsed_us
from streams.intake.hold import NodeWatermarks, PartitionWatermark

_NOBODY_ALIVE_US = INSTANT_LIMIT_US - 1
_NOTHING_READ = PartitionWatermark(None, 0)


class FollowedPartition:
    """One partition that this worker reads ahead of its group.

    Its watermark stands at "nothing read" until everything below `end` is learned: the offset behind the last message as of
    `asked_us`, when the worker began to follow. Names that lay in Kafka by then are used, however long reading them takes:
    the messages' own times would let a hold run out in the middle of them.
    """

    def __init__(self, hold_us: int, end: int, asked_us: int) -> None:
        self._nodes = NodeWatermarks(hold_us)
        self._end = end
        self._asked_us = asked_us
        self._complete = False

    def report(self, node_id: str, window_end_us: int, arrived_us: int) -> None:
        self._nodes.report(node_id, window_end_us, arrived_us)

    def learned(self, offset: int) -> None:
        """Every message below `offset` has been learned."""
        if not self._complete and offset >= self._end:
            self._complete = True
            self._nodes.caught_up(self._asked_us)

    def learned_all(self, until_us: int) -> None:
        """Every message that had arrived by then has been learned."""
        self._complete = True
        self._nodes.caught_up(until_us)

    def progress(self) -> PartitionWatermark:
        known = self._nodes.progress()
        return known if self._complete else replace(known, read_until_us=_NOTHING_READ.read_until_us)


class Watermarks:
    """Watermarks of all `partitions`. Safe for use by the event loop (`want`, `progress`) and the learner (the rest) at once.

    `silence_us`: a worker whose watermarks stay away for so long is dead, and the group has given its partitions to others.
    Silence is measured by what has been read of weir.ownership, not by the clock: a worker that is slow to read takes no other
    for dead.
    """

    def __init__(self, worker: str, partitions: int, hold_us: int, silence_us: int) -> None:
        self._worker = worker
        self.partitions = partitions
        self._hold_us = hold_us
        self.silence_us = silence_us
        self._lock = threading.Lock()
        self._ready = False
        self._wanted: dict[int, int] = {}
        self._own: dict[int, FollowedPartition] = {}
        self._others: dict[int, tuple[PartitionWatermark | None, int]] = {}  # None: not heard since the partition is another worker's
        self._heard_until_us = 0

    # The event loop.

    def want(self, starts: Mapping[int, int]) -> None:
        """Follow these partitions, from these offsets, and no others. One that is no longer wanted is another worker's from now on."""
        now_us = elapsed_us()
        with self._lock:
            left = self._wanted.keys() - starts.keys()
            self._wanted = dict(starts)
            self._others = {p: heard for p, heard in self._others.items() if p not in starts} | {p: (None, now_us) for p in left}

    def progress(self) -> list[PartitionWatermark] | None:
        """Watermarks of all partitions whose worker is alive. None: nothing may be named yet, because what was in Kafka at the start
        of this worker is not read, or because the worker of a partition has still to be heard.
        """
        with self._lock:
            if not self._ready or self._wanted.keys() - self._own.keys():
                return None
            watermarks: list[PartitionWatermark] = [self._own[partition].progress() for partition in self._wanted]
            for heard in self._alive_others():
                if heard is None:
                    return None
                watermarks.append(heard)
        return watermarks

    # The learner.

    def ready(self) -> None:
        """What Kafka kept of weir.ownership has been read."""
        now_us = elapsed_us()
        with self._lock:
            self._ready = True
            for partition in range(self.partitions):
                if partition not in self._wanted:
                    self._others.setdefault(partition, (None, now_us))

    def changes(self) -> tuple[list[int], dict[int, int]]:
        """Partitions that are to be followed no longer, and those to be followed from now on, with their offsets."""
        with self._lock:
            gone = [partition for partition in self._own if partition not in self._wanted]
            return gone, {partition: offset for partition, offset in self._wanted.items() if partition not in self._own}

    def follow(self, partition: int, end: int, asked_us: int) -> None:
        """See `FollowedPartition`."""
        with self._lock:
            self._own[partition] = FollowedPartition(self._hold_us, end, asked_us)

    def unfollow(self, partition: int) -> None:
        with self._lock:
            del self._own[partition]

    def report(self, partition: int, node_id: str, window_end_us: int, arrived_us: int) -> None:
        """A batch has been learned."""
        with self._lock:
            if followed := self._own.get(partition):
                followed.report(node_id, window_end_us, arrived_us)

    def learned(self, offsets: Mapping[int, int], at_end: Collection[int], until_us: int) -> None:
        """By partition: everything below the offset has been learned; of those at their end, everything that had arrived by `until_us`."""
        with self._lock:
            for partition, followed in self._own.items():
                followed.learned(offsets.get(partition, 0))
                if partition in at_end:
                    followed.learned_all(until_us)

    def hear(self, watermark: Watermark) -> None:
        """Another worker's watermark, whose ranges have been learned."""
        if watermark.worker == self._worker:
            return
        heard = PartitionWatermark(_decoded(watermark.reported_until_us), watermark.read_until_us)
        with self._lock:
            if watermark.partition not in self._wanted:
                self._others[watermark.partition] = (heard, elapsed_us())

    def heard_until(self, instant_us: int) -> None:
        """What others had published by then (of `elapsed_us`) has been heard."""
        with self._lock:
            self._heard_until_us = max(self._heard_until_us, instant_us)

    def own(self) -> list[Watermark]:
        """The watermarks that this worker publishes: of every partition that it follows or is about to follow."""
        with self._lock:
            known = {p: self._own[p].progress() if p in self._own else _NOTHING_READ for p in self._wanted}
        return [Watermark(p, _encoded(one.reported_until_us), one.read_until_us, self._worker) for p, one in known.items()]

    def reported_by_all(self) -> int | None:
        """The oldest instant up to which the live nodes of a partition have reported. None: no node is alive."""
        with self._lock:
            known = [followed.progress() for followed in self._own.values()] + [heard for heard in self._alive_others() if heard]
        return min((one.reported_until_us for one in known if one.reported_until_us is not None), default=None)

    def _alive_others(self) -> list[PartitionWatermark | None]:
        silent_since_us = self._heard_until_us - self.silence_us
        return [heard for heard, at_us in self._others.values() if at_us >= silent_since_us]


def _encoded(reported_until_us: int | None) -> int:
    return _NOBODY_ALIVE_US if reported_until_us is None else reported_until_us


def _decoded(reported_until_us: int) -> int | None:
    return None if reported_until_us >= _NOBODY_ALIVE_US else reported_until_us
