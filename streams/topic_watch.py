"""Watches what may change under a worker that runs: the topics that it uses, and whether it has its part of their partitions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from schemas.errors import Unavailable
from streams.kafka import TopicCatalog
from streams.observe.liveness import Liveness

logger = logging.getLogger(__name__)
LOOK_SECONDS = 10.0


class TopicWatch(threading.Thread):
    """Ends once a topic has changed: `change` says what. `read`: the topics that the group shares."""

    def __init__(self, catalog: TopicCatalog, group: str, read: Sequence[str], liveness: Liveness, stop: threading.Event) -> None:
        super().__init__(name="topics", daemon=True)
        self.change = ""
        self._catalog = catalog
        self._group = group
        self._read = read
        self._liveness = liveness
        self._stop_worker = stop
        self._over = threading.Event()

    def note(self, change: str) -> None:
        """Another part of the worker has seen the change first."""
        self.change = self.change or change

    def close(self) -> None:
        """The worker's parts have ended."""
        self._over.set()

    def run(self) -> None:
        idle = False
        while not (self._stop_worker.wait(LOOK_SECONDS) or self._over.is_set()):
            try:
                if change := self._catalog.change():
                    self.note(change)
                    return
                # Twice in a row: right after a start or a rebalance nobody has partitions.
                idle, before = not self._liveness.has_partitions, idle
                if idle and before:
                    why, by_right = self._catalog.share(self._group, self._read).of_an_idle_member()
                    self._liveness.idle(why, by_right=by_right)
                    logger.log(logging.INFO if by_right else logging.WARNING, "%s", why)
            except Unavailable as error:
                logger.debug("the topics cannot be looked at: %s", error)
