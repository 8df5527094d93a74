"""How long a batch waits before its flows are named: pure arithmetic over what has been read of each partition.

A batch may be named once every node that is alive has spoken for the batch's window, on every partition, or once the
grace is over. Grace is measured by what has been *read*, not by the wall clock alone: after an outage the
backlog's heartbeats are in Kafka, and naming must not run ahead of reading them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PartitionWatermark:
    """What one partition's learner knows. Instants in UTC microseconds.

    `reported_until_us`: every live node of the partition has reported up to here (None: no node is alive there).
    `read_until_us`: every message that had arrived by then has been read. `of_nodes`: whether nodes report there, and not watchers.
    """

    reported_until_us: int | None
    read_until_us: int
    of_nodes: bool = True


@dataclass(frozen=True)
class HoldRule:
    """`hold_us`: the longest wait. `skew_us`: clocks of nodes, brokers and workers may differ by so much.

    Nodes must have reported the skew beyond the window's end, and so the next window too: an address that changed hands
    just after it may, by another clock, have done so just before.
    """

    hold_us: int
    skew_us: int

    def released(self, arrived_us: int, window_end_us: int, partitions: Sequence[PartitionWatermark], *, forwarded: bool = False) -> bool:
        """May a batch that arrived then, of a window that ended then, be named? `partitions`: all whose learner is alive.

        `forwarded`: another region saw it, so that no node of this one need have spoken yet: that nobody is alive here is no
        reason to be quick, even where a watcher is.
        """
        if forwarded and all(progress.reported_until_us is None for progress in partitions if progress.of_nodes):
            return all(progress.read_until_us >= arrived_us + self.hold_us for progress in partitions)
        return all(self._waited_enough(arrived_us, window_end_us, progress) for progress in partitions)

    def _waited_enough(self, arrived_us: int, window_end_us: int, progress: PartitionWatermark) -> bool:
        if progress.read_until_us >= arrived_us + self.hold_us:
            return True
        spoken = progress.reported_until_us is None or progress.reported_until_us >= window_end_us + self.skew_us
        return spoken and progress.read_until_us >= arrived_us + self.skew_us


class NodeWatermarks:
    """One partition: up to where each node has reported, and which nodes are alive.

    A node is alive while its last message is not older than the hold, seen from the newest message read (or from now,
    once everything is read): a dead node stalls nobody for longer than that. Bounded by the nodes seen within the hold.
    """

    def __init__(self, hold_us: int) -> None:
        self._hold_us = hold_us
        self._reports: dict[str, tuple[int, int]] = {}
        self._read_until_us = 0

    def report(self, node_id: str, window_end_us: int, arrived_us: int) -> None:
        until_us, last_us = self._reports.get(node_id, (0, 0))
        self._reports[node_id] = (max(until_us, window_end_us), max(last_us, arrived_us))
        self._read_until_us = max(self._read_until_us, arrived_us)

    def caught_up(self, until_us: int) -> None:
        """Whatever had arrived by then has been read."""
        self._read_until_us = max(self._read_until_us, until_us)

    def progress(self) -> PartitionWatermark:
        alive_since_us = self._read_until_us - self._hold_us
        self._reports = {node: report for node, report in self._reports.items() if report[1] >= alive_since_us}
        reported = min((until_us for until_us, _ in self._reports.values()), default=None)
        return PartitionWatermark(reported, self._read_until_us)
