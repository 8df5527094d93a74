"""Short words for keys, sightings and looks."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.records.finding import FindingKey, Kind, Severity, Sighting
from weir.detector.transitions import Rules
from weir.detector.watch import Look

STEP_US = 300_000_000
NOW_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, the end of a step."""
TOLD = Rules(0, lambda key, at_us: False)


def key(subject: str, kind: Kind = "failure", peer: str = "db") -> FindingKey:
    return FindingKey(kind, "default", subject, peer, 5432)


def at(step: int) -> int:
    """End of a step."""
    return NOW_US + step * STEP_US


def sighting(subject: str, step: int, severity: Severity = "warning", count: int = 1, since_step: int | None = None) -> Sighting:
    """Of one step; it began in that step, or in another."""
    since_us = at(step if since_step is None else since_step) - STEP_US
    return Sighting(key(subject), severity, since_us, at(step), count, f'{{"step":{step}}}')


def look(seen: Iterable[Sighting] = (), ended: Iterable[str] = ()) -> Look:
    return Look(tuple(seen), frozenset(map(key, ended)))
