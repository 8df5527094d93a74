"""What the detector asks of a kind of findings: one look a step, that sees what is and says what is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from schemas.records.finding import Finding, FindingKey, Kind, Sighting
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Span


@dataclass(frozen=True)
class Look:
    """`seen`: what is, or still is. `ended`: of what was open, what is over. What is in neither stays as it was."""

    seen: tuple[Sighting, ...]
    ended: frozenset[FindingKey]


class Watch(Protocol):
    """The tables are all there is to look at: a look at the same step with the same open findings sees the same."""

    @property
    def kinds(self) -> frozenset[Kind]: ...

    def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
        """`step`: five minutes, complete. `opened`: open findings of these kinds. Raises Unavailable or WeirError."""
        ...
