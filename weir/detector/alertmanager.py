"""Alertmanager's API v2: what is open is posted again each minute, with an end that moves; what has closed, with its end.

Labels are what identifies an alert, annotations what may change. A finding whose severity rose is another alert there, and the former
one ends with the same post. prometheus.io/docs/alerting/latest/alerts_api
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from schemas.instants import format_instant
from schemas.records.finding import Finding
from schemas.records.finding_change import FindingChange
from weir.answers.findings import sentence
from weir.detector.http_post import post_json
from weir.detector.notices import Notice
from weir.settings.receivers import Target

AGAIN_SECONDS = 60.0
FIRES_SECONDS = 300
"""So long after it was posted an alert ends by itself, when no detector posts it again."""

EVIDENCE_CHARACTERS = 4_096
"""Longer evidence is left out: what fires is posted each minute."""

Alert = dict[str, Any]


class Alertmanager:
    name = "alertmanager"
    again_seconds: float | None = AGAIN_SECONDS
    new_gets_open = True

    def __init__(self, target: Target, clock: Callable[[], float] = time.time) -> None:
        self._target, self._clock = target.below("api/v2/alerts"), clock
        self._firing: dict[str, tuple[Finding, str]] = {}

    def restore(self, notice: Notice) -> None:
        """It is delivered, now or in another life."""
        its = notice.change.finding.id
        if notice.event == "closed":
            self._firing.pop(its, None)
        else:
            self._firing[its] = (notice.change.finding, notice.severity)

    def saw(self, change: FindingChange) -> None:
        """Newer figures of what fires."""
        if (known := self._firing.get(change.finding.id)) and change.change != "closed":
            self._firing[change.finding.id] = (change.finding, known[1])

    def send(self, pending: Sequence[Notice]) -> int:
        """What fires, and the next notices, up to one that ends what has not been posted yet: all of them were firing at one time."""
        batch = _together(pending)
        firing, ends = dict(self._firing), []
        for notice in batch:
            its = notice.change.finding.id
            finding, severity = firing.pop(its, (notice.change.finding, notice.before or notice.severity))
            if notice.event == "closed":
                ends.append(_alert(notice.change.finding, severity, _end_us(notice.change)))
                continue
            if notice.event == "raised":
                ends.append(_alert(finding, severity, _end_us(notice.change)))
            firing[its] = (notice.change.finding, notice.severity)
        until_us = int((self._clock() + FIRES_SECONDS) * 1e6)
        alerts = [*ends, *(_alert(finding, severity, until_us) for finding, severity in firing.values())]
        if alerts:
            post_json(self._target, orjson.dumps(alerts), {})
        for notice in batch:  # the others may have been seen anew meanwhile
            self.restore(notice)
        return len(batch)


def _together(pending: Iterable[Notice]) -> list[Notice]:
    begun: set[str] = set()
    batch: list[Notice] = []
    for notice in pending:
        its = notice.change.finding.id
        if its in begun:
            break
        begun.add(its)
        batch.append(notice)
    return batch


def _end_us(change: FindingChange) -> int:
    return max(change.at_us, change.finding.first_seen_us)


def _alert(finding: Finding, severity: str, end_us: int) -> Alert:
    key = finding.key
    labels = {
        "alertname": f"weir_{key.kind}",
        "finding": finding.id,
        "kind": key.kind,
        "severity": severity,
        "network": key.network,
        "subject": key.subject,
        "peer": key.peer,
        "service_port": str(key.service_port) if key.service_port else "",
    }
    annotations = {
        "summary": sentence(finding),
        "severity": finding.severity,
        "count": str(finding.count),
        "last_seen": format_instant(finding.last_seen_us),
        "evidence": finding.evidence if len(finding.evidence) <= EVIDENCE_CHARACTERS else "",
    }
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": annotations,
        "startsAt": format_instant(finding.first_seen_us),
        "endsAt": format_instant(end_us),
    }
