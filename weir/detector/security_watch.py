"""The watch for security: looks at one step, with the history of what is strange in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from schemas.records.finding import Finding, FindingKey, Kind, SecurityKind
from sinks.queries.edges import Ask
from sinks.queries.spans import EDGES, Oldest, Span
from weir.answers.security import Asked, over, sightings
from weir.answers.security_tables import Tables
from weir.detector.watch import Look


class SecurityWatch:
    """Beacons and exfiltration are looked for where a step ends with an hour."""

    kinds: frozenset[Kind] = frozenset(get_args(SecurityKind))

    def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
        since_s = min((oldest[level.table] for level in EDGES if level.table in oldest), default=step.start_s)
        seen = sightings(Asked(Tables(ask, oldest), step, since_s, opened))
        return Look(seen, over(opened, seen, step))
