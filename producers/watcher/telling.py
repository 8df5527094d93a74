"""Tells Kafka what the cluster's states are, in the order in which they came to be, and up to when all of them are told.

A *term* begins when this watcher begins to lead, and whenever something between was missed. Each has a name of its own: to readers it is
a watcher that has started. It tells all states of the last minutes, then changes as they come, and about every second a watermark.

A watermark is told when all before it is acknowledged. It reaches to LAG_US before the moment at which the API server was last known to
answer, where all watches stand and this process was not held up. A change that is seen is in effect from the last watermark on: what
happened later than that may have happened at any time since. So a state that is late is too early by what it was late.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from producers.publish.publisher import OnAck
from producers.watcher.cluster import Cluster
from producers.watcher.services import HISTORY_US, Change
from schemas.errors import Unavailable, Unreadable
from schemas.records.cluster import ClusterRecord, ServiceAddress, WatcherWatermark, key_of
from schemas.topics import IP_EVENTS_TOPIC
from schemas.wire.cluster_codec import encode_cluster_record
from schemas.wire.framing import Framer

log = logging.getLogger("weir.watcher")

LAG_US = 1_000_000
"""What a watch may be late by."""
LATE_SECONDS = 0.5
"""A look that comes so late is a sign that other threads are, too: watermarks wait for LAG_US."""
STEP_US = 250_000
"""A clock that has leapt so far is another clock: what it said before is not continued."""
WATERMARK_SECONDS, REPEAT_SECONDS, RETRY_SECONDS = 1.0, 3_600.0, 5.0
WAITING = 50_000
"""Changes that may wait for Kafka. More are given up, and all states told again when it answers: as a new term."""


class Outlet(Protocol):
    """As much of a Publisher as is needed."""

    def offer(self, topic: str, key: bytes, value: bytes, on_ack: OnAck | None = None) -> bool: ...

    @property
    def queued(self) -> int: ...


@dataclass
class _Term:
    """`waiting`: what Kafka's client has not taken yet, `open`: what it has, and Kafka has not acknowledged."""

    watcher: str
    since_us: int
    repeat_at: float
    waiting: deque[ClusterRecord]
    room: int
    until_us: int = 0
    open: int = 0
    refusal: str = ""


class Telling:
    """`tick` often, by one thread, once every kind was listed. Times: microseconds of this machine's clock, and monotonic seconds."""

    def __init__(self, cluster: Cluster, outlet: Outlet, framer: Framer, network: str, name: str) -> None:
        self._cluster = cluster
        self._outlet = outlet
        self._framer = framer
        self._network = network
        self._name = name
        self._since_us = self.until_us = 0
        self._watermark_at = self._looked_at = self._calm_from = self._retry_at = 0.0
        self._offset_us = 0
        self._term: _Term | None = None
        self.told = 0
        self.terms = 0

    @property
    def in_term(self) -> bool:
        return self._term is not None

    @property
    def waiting(self) -> int:
        """Records that Kafka has not acknowledged."""
        return 0 if self._term is None else len(self._term.waiting) + self._term.open

    def begin_anew(self, now_us: int) -> None:
        """Nothing is known of the time before. A term ends."""
        with self._cluster.lock:
            self._settle(now_us)
            self._forget(now_us)

    def tick(self, now_us: int, now: float, *, connected: bool, answered_us: int, leads: bool) -> None:
        """`connected`: all watches of services stand. `answered_us`: when a request was sent that the API server has answered."""
        with self._cluster.lock:
            changes, complete = self._settle(now_us)
            leapt = self._clock_leapt(now_us, now)
            if self._cluster.take_torn() or leapt:
                log.warning("%s: all states are told anew.", "The clock has leapt" if leapt else "Changes to services were missed")
                self._forget(now_us)
            elif not self._since_us:
                self._forget(now_us)
            if connected and complete and self._is_calm(now) and now >= self._watermark_at:
                self._watermark_at = now + WATERMARK_SECONDS
                self.until_us = max(self.until_us, min(now_us, answered_us) - LAG_US)
            self._lead(now_us, now, leads, changes)
        self._pump()

    def end(self) -> None:
        """Nothing more is told."""
        self._term = None

    def _settle(self, now_us: int) -> tuple[list[ClusterRecord], bool]:
        settled = self._cluster.services.settle(now_us, max(self.until_us, self._since_us))
        changes: list[ClusterRecord] = [*self._cluster.nodes.settle(), *self._cluster.workloads.settle(now_us)]
        changes += [self._address(change) for change in settled.changes]
        return changes, settled.complete

    def _forget(self, now_us: int) -> None:
        self._cluster.services.begin_anew(now_us)
        self._since_us = self.until_us = now_us
        self._term = None

    def _clock_leapt(self, now_us: int, now: float) -> bool:
        offset_us, before_us = now_us - int(now * 1e6), self._offset_us
        self._offset_us = offset_us
        return bool(before_us) and abs(offset_us - before_us) > STEP_US

    def _is_calm(self, now: float) -> bool:
        if now - self._looked_at > LATE_SECONDS:
            self._calm_from = now
        self._looked_at = now
        return now - self._calm_from >= LAG_US / 1e6

    def _lead(self, now_us: int, now: float, leads: bool, changes: list[ClusterRecord]) -> None:
        term = self._term
        if term is not None and term.refusal:
            log.warning("Kafka refused a state (%s): all are told again in %g s.", term.refusal, RETRY_SECONDS)
            self._retry_at, self._term = now + RETRY_SECONDS, None
        elif term is not None and len(term.waiting) > term.room:
            log.warning("More than %d changes wait for Kafka: all states are told anew when it answers.", WAITING)
            self._term = None
        elif term is not None and not leads:
            self._term = None
        elif term is not None:
            term.waiting.extend(self._named(change, term) for change in changes)
            if now >= term.repeat_at and not term.waiting:
                term.repeat_at = now + REPEAT_SECONDS
                term.waiting.extend(self._all(term, self._cluster.services.standing()))
        elif leads and now >= self._retry_at and not self._outlet.queued:
            self._begin(now_us, now)

    def _begin(self, now_us: int, now: float) -> None:
        since_us = max(self._since_us, now_us - HISTORY_US)
        self.terms += 1
        self._term = term = _Term(f"{self._name}-{uuid.uuid4().hex[:8]}", since_us, now + REPEAT_SECONDS, deque(), 0, until_us=since_us)
        term.waiting.extend(self._all(term, self._cluster.services.history(since_us)))
        term.room = len(term.waiting) + WAITING
        log.info("telling as %s: %d states", term.watcher, len(term.waiting))

    def _all(self, term: _Term, states: Iterable[Change]) -> list[ClusterRecord]:
        addresses = [self._named(self._address(change), term) for change in states]
        return [*self._cluster.nodes.standing(), *self._cluster.workloads.standing(), *addresses]

    def _address(self, change: Change) -> ServiceAddress:
        key, state = change
        return ServiceAddress(self._network, key.ip, key.protocol, key.port, state.service, state.workloads, state.since_us, self._name)

    def _named(self, record: ClusterRecord, term: _Term) -> ClusterRecord:
        return replace(record, watcher=term.watcher) if isinstance(record, ServiceAddress) else record

    def _pump(self) -> None:
        """Hands over what Kafka's client takes; a watermark when everything before it is acknowledged."""
        term = self._term
        if term is None:
            return
        try:
            while term.waiting and self._offer(term, term.waiting[0]):
                term.waiting.popleft()
                self.told += 1
            if not term.waiting and not term.open and not term.refusal and self.until_us > term.until_us:
                if self._offer(term, WatcherWatermark(self._network, term.watcher, term.since_us, self.until_us)):
                    term.until_us = self.until_us
        except Unavailable as error:
            log.debug("The schema registry is away: %s", error)

    def _offer(self, term: _Term, record: ClusterRecord) -> bool:
        body = _body(record)
        if body is None:
            return True

        def settled(refusal: str | None) -> None:
            term.open -= 1
            term.refusal = term.refusal or refusal or ""

        value = self._framer.frame(type(record).__name__, body)
        taken = self._outlet.offer(IP_EVENTS_TOPIC, key_of(record), value, settled)
        term.open += taken
        return taken


def _body(record: ClusterRecord) -> bytes | None:
    """None: it cannot be told, and nothing else depends on it. An address has no service rather than a state that is over."""
    try:
        return encode_cluster_record(record)
    except Unreadable as error:
        log.warning("A state cannot be told: %s", error)
        return encode_cluster_record(replace(record, service="", workloads=())) if isinstance(record, ServiceAddress) else None
