"""Which watcher tells: the one that holds a Lease of the cluster, and renews it.

- A holder renews every RENEW_SECONDS. It leads for LEAD_SECONDS from when it sent its last renewal that was accepted, and no longer.
- Others look every RENEW_SECONDS. A lease that has not changed before their eyes for LEASE_SECONDS is over, and so is one that was
  given back: clocks of two machines are never compared.
- LEAD_SECONDS is shorter: a holder that is cut off has ceased to lead before another begins. Should both tell for a moment all the
  same, no word of one says anything about the other's: each state holds within the watermark of its own watcher alone.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from producers.kubernetes.transport import JSON, ApiError

log = logging.getLogger("weir.watcher")

LEASE_SECONDS, LEAD_SECONDS, RENEW_SECONDS = 10, 7.0, 2.0
ASK_SECONDS = 3.0
CONFLICT, ABSENT = 409, 404


@dataclass(frozen=True, slots=True)
class Lease:
    """`holder` empty: it was given back. `version` empty: it does not exist yet."""

    holder: str = ""
    transitions: int = 0
    acquired: str = ""
    renewed: str = ""
    version: str = ""


class Leases(Protocol):
    """Where the lease is kept. Both raise ApiError and OSError; `write` ApiError(CONFLICT) where another has written meanwhile."""

    def read(self) -> Lease: ...

    def write(self, lease: Lease) -> Lease:
        """As it stands then, with its new version."""


class Candidate:
    """`step` every RENEW_SECONDS, by one thread; the rest for any thread."""

    def __init__(
        self,
        leases: Leases,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        lead_seconds: float = LEAD_SECONDS,
    ) -> None:
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._lead_seconds = lead_seconds
        self._seen: Lease | None = None
        self._seen_at = clock()
        self._leads_until = 0.0
        self.answered_us = 0
        """When a request was sent that the API server has answered; of this machine's clock. 0: none was."""
        self.trouble = "the lease was not asked for yet"
        """Why the lease cannot be read or written; empty: it can."""

    @property
    def leads(self) -> bool:
        return self._clock() < self._leads_until

    @property
    def holder(self) -> str:
        """Who holds it, as far as is known."""
        return self._seen.holder if self._seen is not None else ""

    def step(self, wants: bool = True) -> None:
        """Looks, and renews or takes the lease where it is this watcher's or nobody's. `wants` False: only looks."""
        sent_us = int(self._wall() * 1e6)
        try:
            lease = self._leases.read()
            self.answered_us = sent_us
            self._see(lease)
            if wants and (lease.holder == self._identity or self._is_free(lease)):
                self._write(lease)
            self.trouble = ""
        except (OSError, ApiError, ValueError, LookupError, TypeError, AttributeError) as error:  # the last: an answer that is no Lease
            if isinstance(error, ApiError) and error.status == CONFLICT:
                self.trouble = ""
            else:
                self._complain(str(error))

    def resign(self) -> None:
        """Gives the lease back, so that the other need not wait."""
        leads, self._leads_until = self.leads, 0.0
        if leads and self._seen is not None:
            try:
                self._leases.write(replace(self._seen, holder="", renewed=self._now()))
            except (OSError, ApiError, ValueError) as error:
                log.warning("The lease was not given back (%s): another watcher takes it in %d s.", error, LEASE_SECONDS)

    def _see(self, lease: Lease) -> None:
        if lease != self._seen:
            self._seen, self._seen_at = lease, self._clock()
        if lease.holder != self._identity:
            self._leads_until = 0.0

    def _is_free(self, lease: Lease) -> bool:
        return not lease.holder or self._clock() - self._seen_at >= LEASE_SECONDS

    def _write(self, lease: Lease) -> None:
        sent, now = self._clock(), self._now()
        if lease.holder == self._identity:
            wanted = replace(lease, renewed=now)
        else:
            wanted = replace(lease, holder=self._identity, transitions=lease.transitions + bool(lease.version), acquired=now, renewed=now)
        self._see(self._leases.write(wanted))
        self._leads_until = sent + self._lead_seconds

    def _now(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _complain(self, why: str) -> None:
        if not self.trouble:
            log.warning("The lease cannot be held: %s", why)
        self.trouble = why


class Asks(Protocol):
    """As much of a ClientTransport as is needed."""

    def ask(self, method: str, path_and_query: str, accept: str, body: Mapping[str, Any] | None = None, seconds: float = 0) -> bytes: ...


class ApiLeases:
    """One Lease of coordination.k8s.io/v1."""

    def __init__(self, server: Asks, namespace: str, name: str) -> None:
        self._server = server
        self._name = name
        self._all = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    def read(self) -> Lease:
        try:
            return self._ask("GET", f"{self._all}/{self._name}")
        except ApiError as error:
            if error.status == ABSENT:
                return Lease()
            raise

    def write(self, lease: Lease) -> Lease:
        spec: dict[str, Any] = {"leaseTransitions": lease.transitions, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": lease.renewed}
        spec |= {"holderIdentity": lease.holder, "acquireTime": lease.acquired or lease.renewed}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}, "spec": spec}
        if not lease.version:
            return self._ask("POST", self._all, body)
        body["metadata"] = {"name": self._name, "resourceVersion": lease.version}
        return self._ask("PUT", f"{self._all}/{self._name}", body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Lease:
        raw = json.loads(self._server.ask(method, path, JSON, body, ASK_SECONDS))
        spec, version = raw.get("spec") or {}, str(raw["metadata"]["resourceVersion"])
        return Lease(
            spec.get("holderIdentity") or "",
            int(spec.get("leaseTransitions") or 0),
            spec.get("acquireTime") or "",
            spec.get("renewTime") or "",
            version,
        )
