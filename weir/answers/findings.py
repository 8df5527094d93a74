"""Findings from their table and in words, for the command, the API and the receivers alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pyarrow as pa

from schemas.records.finding import Finding, FindingKey, Kind
from sinks.filter.tree import Node, both
from sinks.queries.edges import Ask
from sinks.queries.findings import FindingsQuestion, States, ask_findings, unknown_words
from sinks.queries.spans import Span

KINDS: tuple[str, ...] = tuple(kind for one in get_args(Kind) for kind in (get_args(one) or (one,)))
SHOWN = (
    *("id", "kind", "subject", "peer", "service_port", "state", "severity", "first_seen", "last_seen", "count", "evidence"),
    *("sentence", "network", "withheld"),
)


@dataclass(frozen=True)
class Asked:
    """`filter` speaks of a subject as client and of a peer as server, and has no `unknown_words`. `scope`: what of all may be seen."""

    span: Span
    state: States = "all"
    kinds: Sequence[str] = ()
    filter: Node | None = None
    scope: Node | None = None
    limit: int = 100


def ask_shown(ask: Ask, asked: Asked) -> pa.Table:
    """Columns SHOWN, one row a finding. Of a scope that names or ports alone cannot say, nothing; within one, no name of the evidence."""
    hidden = bool(unknown_words(asked.scope))
    rows = ask_findings(
        ask,
        FindingsQuestion(
            asked.span, asked.state, asked.kinds, both(asked.filter, asked.scope) if not hidden else asked.filter, asked.limit
        ),
    )
    rows = rows.slice(0, 0) if hidden else rows
    found = rows.select(["kind", "network", "subject", "peer", "service_port", "evidence"]).to_pylist()
    keys = [FindingKey(row["kind"], row["network"], row["subject"], row["peer"], row["service_port"]) for row in found]
    evidence = [row["evidence"] for row in found]
    if asked.scope is not None:
        evidence = [_without_names(text) for text in evidence]
    said = [sentence_of(key, text) for key, text in zip(keys, evidence, strict=True)]
    place = rows.schema.get_field_index("evidence")
    rows = rows.set_column(place, "evidence", pa.array(evidence, pa.string())).append_column("sentence", pa.array(said, pa.string()))
    return rows.select(list(SHOWN))


def _without_names(evidence: str) -> str:
    """Its numbers alone: whoever stands in it may be outside of a scope."""
    kept = {name: value for name, value in _object(evidence).items() if isinstance(value, int | float)}
    return json.dumps(kept, separators=(",", ":"))


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
    return _object(finding.evidence)


def sentence(finding: Finding) -> str:
    return sentence_of(finding.key, finding.evidence)


def sentence_of(key: FindingKey, evidence: str) -> str:
    """That of the evidence where it has one, as those write it who found it; else one of the kind and the names."""
    said = _object(evidence).get("sentence")
    return said if isinstance(said, str) and said else plain_sentence(key)


def plain_sentence(key: FindingKey) -> str:
    port = f":{key.service_port}" if key.service_port else ""
    ends = f"{key.subject} -> {key.peer}{port}" if key.peer else f"{key.subject}{port}"
    words = _WORDS.get(key.kind, key.kind)
    return f"{ends}: {words}." if ends else f"{words[:1].upper()}{words[1:]}."


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
