"""Asks the cloud for the zone, on a thread of its own: counting never waits for it."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from producers.zone.clouds import METADATA_ADDRESS, Cloud
from producers.zone.http_client import ask

log = logging.getLogger("weir.agent")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
OFTEN_SECONDS = 600.0
SELDOM_SECONDS = 3_600.0


class ZoneFinder(threading.Thread):
    """`zone`: what is known so far; empty: nothing. The thread ends with the first answer: a machine does not change its zone."""

    def __init__(self, cloud: Cloud, address: tuple[str, int] = METADATA_ADDRESS) -> None:
        super().__init__(name="weir-zone", daemon=True)
        self.zone = ""
        self._cloud = cloud
        self._ask = partial(ask, address)
        self._over = threading.Event()
        self._complained = False

    def close(self) -> None:
        """The thread ends soon; it is not waited for."""
        self._over.set()

    def run(self) -> None:
        begun, pause = time.monotonic(), FIRST_PAUSE
        while not self._answered():
            often = time.monotonic() - begun < OFTEN_SECONDS
            if self._over.wait(pause if often else SELDOM_SECONDS):
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def _answered(self) -> bool:
        try:
            zone = self._cloud.zone(self._ask)
        except (OSError, ValueError) as error:
            self._complain(error)
            return False
        if zone:
            log.info("This node is in zone %s, says the metadata service of %s.", zone, self._cloud.name)
        else:
            log.info("This node is in no zone, says the metadata service of %s.", self._cloud.name)
        self.zone = zone
        return True

    def _complain(self, error: Exception) -> None:
        """Once; it is asked again all the same."""
        if not self._complained:
            said = "The metadata service of %s does not tell the zone (%s): it is asked again; WEIR_ZONE would say it."
            log.warning(said, self._cloud.name, error)
        self._complained = True
