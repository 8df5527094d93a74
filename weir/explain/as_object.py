"""An explanation as one object, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from schemas.instants import format_instant
from weir.explain.evidence import Evidence
from weir.explain.known import Known
from weir.explain.verdict import relation, why


def said(evidence: Evidence, known: Known) -> dict[str, Any]:
    """Instants are RFC 3339, addresses text."""
    pairs = zip(evidence.ranges, known.standings, strict=True)
    return {
        "flow": _plain(asdict(evidence.flow)),
        "matching": evidence.matching,
        "why": why(evidence, known),
        "now": {"remote_workload": known.workload, "remote_source": known.source, "remote_reason": known.reason},
        "services": [_plain(asdict(one)) for one in evidence.behind],
        "ranges": [{**_plain(asdict(held)), "relation": relation(evidence.flow, held, standing)} for held, standing in pairs],
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Instants as text."""
    return {(name.removesuffix("_us")): format_instant(value) if name.endswith("_us") else value for name, value in fields.items()}
