"""Findings: what was seen to be wrong or strange, and its life from opening to closing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

HealthKind = Literal["failure", "reset", "retransmit", "rtt", "connect", "silence"]
SecurityKind = Literal["new_edge", "scan", "fan_out", "beacon", "external", "exfiltration", "flood", "listening"]
Kind = Literal[HealthKind, SecurityKind, "drift", "storm"]
Severity = Literal["critical", "warning", "info"]
State = Literal["open", "closed"]


@dataclass(frozen=True, order=True)
class FindingKey:
    """What a finding is about: at most one of a key is open at a time. `peer` "" and `service_port` 0: it has none."""

    kind: Kind
    network: str
    subject: str
    peer: str
    service_port: int


@dataclass(frozen=True)
class Sighting:
    """What one look has seen, in UTC microseconds of the windows that show it: `since_us` the first, `until_us` the end of the last.

    `count`: what is counted of it: failures in excess, targets tried, ... `evidence`: a JSON object.
    """

    key: FindingKey
    severity: Severity
    since_us: int
    until_us: int
    count: int
    evidence: str


@dataclass(frozen=True)
class Finding:
    """One row of `weir.findings`. `version` grows with each change; the highest of an id counts."""

    id: str
    key: FindingKey
    state: State
    severity: Severity
    first_seen_us: int
    last_seen_us: int
    count: int
    evidence: str
    version: int


def finding_id(key: FindingKey, first_seen_us: int) -> str:
    """32 hexadecimal digits: the same for the same key and beginning, wherever and however often it is computed."""
    parts = (key.kind, key.network, key.subject, key.peer, str(key.service_port), str(first_seen_us))
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
