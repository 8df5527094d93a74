"""Findings in words, for the command, the API and the receivers alike."""

from __future__ import annotations

import json
from typing import Any

from schemas.records.finding import Finding, FindingKey

_WORDS = {
    "failure": "connections fail",
    "reset": "connections are reset",
    "retransmit": "segments are sent again",
    "rtt": "round trips take longer",
    "connect": "connections take longer to open",
    "silence": "no connections are opened any more",
    "new_edge": "calls what it has not called before",
    "scan": "tries ports and addresses, and most do not answer",
    "fan_out": "calls many more servers than usual",
    "beacon": "calls at regular intervals",
    "external": "reaches an external end that is not expected",
    "exfiltration": "sends out far more than usual",
    "flood": "receives far more than usual, from many",
    "listening": "listens on a port that is new",
    "drift": "calls what its policy would cut",
    "storm": "more new findings within an hour than are told one by one",
}


def evidence_of(finding: Finding) -> dict[str, Any]:
    """The evidence as an object; empty where it is none."""
    try:
        found = json.loads(finding.evidence)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def sentence(finding: Finding) -> str:
    """That of the evidence where it has one, as those write it who found it; else one of the kind and the names."""
    said = evidence_of(finding).get("sentence")
    return said if isinstance(said, str) and said else plain_sentence(finding.key)


def plain_sentence(key: FindingKey) -> str:
    port = f":{key.service_port}" if key.service_port else ""
    ends = f"{key.subject} -> {key.peer}{port}" if key.peer else f"{key.subject}{port}"
    words = _WORDS.get(key.kind, key.kind)
    return f"{ends}: {words}." if ends else f"{words[:1].upper()}{words[1:]}."
