"""Drift: what works today and policies learned from before would cut."""

from __future__ import annotations

import json
from collections.abc import Iterable

from schemas.records.finding import FindingKey, Sighting
from streams.insights.segments.cut import Call

US = 1_000_000


def drifted(cut: Iterable[Call], network: str, start_s: int, end_s: int) -> tuple[Sighting, ...]:
    """One sighting for each client, server and port of what would be cut in the span, UTC seconds. `count`: connections."""
    found: dict[FindingKey, list[Call]] = {}
    for call in cut:
        peer = call.server or call.domain or call.address
        found.setdefault(FindingKey("drift", network, call.client or call.address, peer, call.port), []).append(call)
    return tuple(
        Sighting(key, "info", start_s * US, end_s * US, sum(one.connections for one in calls), _evidence(calls))
        for key, calls in sorted(found.items())
    )


def _evidence(calls: list[Call]) -> str:
    return json.dumps({"protocols": sorted({one.protocol for one in calls}), "bytes": sum(one.bytes for one in calls)}, sort_keys=True)
