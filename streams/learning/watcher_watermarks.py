"""Up to when the live watchers have told everything: what flows wait for, as they wait for nodes."""

from __future__ import annotations

import threading

from schemas.records.cluster import WatcherWatermark
from streams.intake.hold import PartitionWatermark


class WatcherWatermarks:
    """Safe for use by the event loop (`progress`) and the learner (the rest) at once.

    A watcher is alive while its last watermark is not older than the hold, seen from what has been read of weir.ip-events: a dead one
    stalls nothing for longer than that. Of a network's watchers the furthest is enough; of several networks the slowest counts.
    """

    def __init__(self, hold_us: int) -> None:
        self._hold_us = hold_us
        self._lock = threading.Lock()
        self._reports: dict[tuple[str, str], tuple[int, int]] = {}
        self._read_until_us = 0

    def report(self, told: WatcherWatermark, arrived_us: int) -> None:
        """A watermark has been learned, and all that its watcher had told before it."""
        watcher = told.network, told.watcher
        with self._lock:
            until_us, last_us = self._reports.get(watcher, (0, 0))
            self._reports[watcher] = (max(until_us, told.until_us), max(last_us, arrived_us))
            self._read_until_us = max(self._read_until_us, arrived_us)

    def caught_up(self, until_us: int) -> None:
        """Whatever had arrived on weir.ip-events by then has been learned."""
        with self._lock:
            self._read_until_us = max(self._read_until_us, until_us)

    def progress(self) -> list[PartitionWatermark]:
        """One for all watchers; none where no watcher is alive."""
        with self._lock:
            alive_since_us = self._read_until_us - self._hold_us
            self._reports = {watcher: report for watcher, report in self._reports.items() if report[1] >= alive_since_us}
            furthest: dict[str, int] = {}
            for (network, _), (until_us, _) in self._reports.items():
                furthest[network] = max(until_us, furthest.get(network, 0))
            return [PartitionWatermark(min(furthest.values()), self._read_until_us, of_nodes=False)] if furthest else []
