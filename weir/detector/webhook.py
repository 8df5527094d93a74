"""The webhook: each notice as one JSON document, with a key by which a repeat is known, and a signature."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from schemas.instants import format_instant
from schemas.records.finding_change import FindingChange
from weir.answers.findings import evidence_of, sentence
from weir.detector.http_post import post_json
from weir.detector.notices import Notice
from weir.settings.receivers import Target

SIGNATURE = "Weir-Signature"


class Webhook:
    """Takes notices one after the other. `secret` empty: they are not signed."""

    name = "webhook"
    again_seconds: float | None = None
    new_gets_open = False

    def __init__(self, target: Target, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._target, self._secret, self._clock = target, secret.encode(), clock

    def restore(self, notice: Notice) -> None:
        """It was delivered in another life: there is nothing to remember."""

    def saw(self, change: FindingChange) -> None:
        """It is told of what a notice says alone."""

    def send(self, pending: Sequence[Notice]) -> int:
        if not pending:
            return 0
        body = document(pending[0])
        headers = {"Idempotency-Key": pending[0].key}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, int(self._clock()), body)
        post_json(self._target, body, headers)
        return 1


def signature(secret: bytes, at_s: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 of the seconds since 1970, a point, and the body."""
    return f"t={at_s},v1={hmac.new(secret, f'{at_s}.'.encode() + body, hashlib.sha256).hexdigest()}"


def document(notice: Notice) -> bytes:
    """The same bytes for the same notice."""
    finding = notice.change.finding
    said: dict[str, Any] = {
        "event": notice.event,
        "id": finding.id,
        "kind": finding.key.kind,
        "network": finding.key.network,
        "subject": finding.key.subject,
        "peer": finding.key.peer,
        "service_port": finding.key.service_port,
        "state": finding.state,
        "severity": finding.severity,
        "first_seen": format_instant(finding.first_seen_us),
        "last_seen": format_instant(finding.last_seen_us),
        "count": finding.count,
        "sentence": sentence(finding),
        "evidence": evidence_of(finding),
    }
    return orjson.dumps(said)
