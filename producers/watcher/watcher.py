"""A watcher at work: watches, the lease, and telling, put together; and whether it is fit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from producers.kubernetes.reflector import PAUSES, Pauses
from producers.kubernetes.transport import Transport
from producers.watcher.cluster import Cluster
from producers.watcher.informers import CATCH_UP_SECONDS, Informers
from producers.watcher.inherited import Inherited
from producers.watcher.leader import RENEW_SECONDS, Candidate, Leases
from producers.watcher.telling import RETRY_SECONDS, Outlet, Telling
from schemas.errors import Unavailable
from schemas.wire.framing import Framer

log = logging.getLogger("weir.watcher")

TICK_SECONDS = 0.2
INHERIT_SECONDS = 5.0
"""After the first whole picture, before it is read what was told: what another watcher has seen until then, it has told by now."""
LAST_SECONDS = 2.0
STUCK_SECONDS = 300.0
"""Longer than it may take to read back what was told earlier."""


class Client(Outlet, Protocol):
    """Kafka's client, as much of a Publisher as is needed."""

    def poll(self, timeout: float) -> int: ...

    def flush(self, timeout: float) -> int: ...


class Watcher:
    """`run` works until `stop` is set. `inherit` reads back what was told earlier; it raises Unavailable.

    It wants to lead once it knows the cluster whole and what was told of it.
    """

    def __init__(
        self,
        network: str,
        name: str,
        *,
        transport: Callable[[], Transport],
        leases: Leases,
        outlet: Client,
        framer: Framer,
        inherit: Callable[[], Inherited],
        pauses: Pauses = PAUSES,
        catch_up_seconds: float = CATCH_UP_SECONDS,
        inherit_seconds: float = INHERIT_SECONDS,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self.cluster = Cluster(network)
        self.informers = Informers(self.cluster, transport, pauses, catch_up_seconds)
        self.candidate = Candidate(leases, name)
        self.telling = Telling(self.cluster, outlet, framer, network, name)
        self._outlet = outlet
        self._inherit = inherit
        self._inherit_seconds = inherit_seconds
        self._renew_seconds = renew_seconds
        self._inherits_at = 0.0
        self._lease = threading.Thread(target=self._hold_lease, name="weir-lease", daemon=True)
        self._over = threading.Event()
        self._begun = self._ready = False
        self._stepped_at = time.monotonic()
        self.looks = 0
        """How often it has looked for what is to be told."""
        self._trouble = ""

    def run(self, stop: threading.Event) -> None:
        self.informers.start()
        self._lease.start()
        self._begun = True
        try:
            while not stop.is_set():
                self._step()
                self._outlet.poll(0)
                stop.wait(TICK_SECONDS)
        finally:
            self.telling.end()
            self._outlet.flush(LAST_SECONDS)
            self._over.set()
            self._lease.join(LAST_SECONDS)
            self.candidate.resign()
            self.informers.close()

    def health(self) -> tuple[bool, str]:
        """Whether it is fit to tell, and one sentence. Another that leads is no reason not to be."""
        if not self.informers.complete:
            return False, self.informers.lacking or "the cluster is not known yet"
        if not self._ready:
            return False, self._trouble or "what was told earlier is not read yet"
        said = "telling" if self.telling.in_term else f"in reserve; {self.candidate.holder or 'nobody'} tells"
        forbidden = [its.kind for its in self.informers.told() if its.forbidden]
        return True, said + (f"; {', '.join(forbidden)} may not be listed" if forbidden else "")

    def alive(self) -> tuple[bool, str]:
        """Whether it goes on, and one sentence; where not, only a new start helps. Servers that are away are no reason."""
        dead = [thread.name for thread in (*self.informers.threads, self._lease) if self._begun and not thread.is_alive()]
        if dead:
            return False, f"ended before its time: {', '.join(dead)}"
        idle = time.monotonic() - self._stepped_at
        return idle < STUCK_SECONDS, f"looked {idle:.0f} s ago"

    def _step(self) -> None:
        self._stepped_at, self.looks = time.monotonic(), self.looks + 1
        if not self.informers.complete:
            return
        self.telling.tick(
            int(time.time() * 1e6),
            time.monotonic(),
            connected=self.informers.connected,
            answered_us=self.candidate.answered_us,
            leads=self._ready and self.candidate.leads,
        )
        if not self._ready:
            self._try_to_inherit()

    def _try_to_inherit(self) -> None:
        now = time.monotonic()
        if not self._inherits_at:
            self._inherits_at = now + self._inherit_seconds
        if now < self._inherits_at:
            return
        try:
            inherited = self._inherit()
        except Unavailable as error:
            if not self._trouble:
                log.warning("%s It is tried again; until then this watcher is not in reserve.", error)
            self._trouble, self._inherits_at = str(error), time.monotonic() + RETRY_SECONDS
            return
        now_us = int(time.time() * 1e6)
        with self.cluster.lock:
            self.cluster.services.inherit(inherited.addresses, now_us)
            self.cluster.workloads.inherit(inherited.workloads.values())
        self.telling.begin_anew(now_us)
        self._ready, self._trouble = True, ""

    def _hold_lease(self) -> None:
        while not self._over.is_set():
            self.candidate.step(wants=self._ready)
            self._over.wait(self._renew_seconds)
