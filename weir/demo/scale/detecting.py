"""The detector of the recorded day: in the process that holds its tables, over a log in memory, without receivers."""

from __future__ import annotations

import logging
import threading

from schemas.errors import Unavailable, WeirError
from schemas.records.finding_change import FindingsCheckpoint
from sinks.engines.base import Engine
from sinks.queries.spans import Span
from weir.demo.scale.story import GRID_S, Story
from weir.detector.log import Entry, MemoryLog
from weir.detector.lookout import MICRO, Lookout
from weir.detector.mutes import Mutes
from weir.detector.watches import every_watch

log = logging.getLogger("weir.detector")
BEFORE_STEPS = 3
"""So long before the scan the looks begin: to look at all of the day would take minutes."""
LOOK_SECONDS = 5.0


class Detecting(threading.Thread):
    """Looks at the steps from before the scan on, then at each that becomes complete."""

    def __init__(self, engine: Engine, story: Story) -> None:
        super().__init__(name="detector", daemon=True)
        journal = MemoryLog()
        begin_s = story.scan.start_s - BEFORE_STEPS * GRID_S
        journal.append((), FindingsCheckpoint(begin_s * MICRO, story.start_s * MICRO))
        self._lookout = Lookout(engine, every_watch(), journal, Mutes(None), step_s=GRID_S, learning_days=0)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._look_on()
            except Unavailable as error:
                log.debug("%s It is tried again.", error)
                self._over.wait(LOOK_SECONDS)
            except WeirError as error:
                log.warning("The detector ends: %s", error)
                return

    def look(self, step: Span) -> tuple[Entry, ...]:
        """By the calling thread."""
        return self._lookout.look(step)

    def _look_on(self) -> None:
        """As a detector that begins to lead: from what is in the log."""
        self._lookout.recover()
        while not self._over.is_set():
            if (step := self._lookout.due()) is None:
                self._over.wait(LOOK_SECONDS)
            else:
                self.look(step)

    def close(self) -> None:
        """Before the tables are."""
        self._over.set()
        if self.is_alive():
            self.join()
