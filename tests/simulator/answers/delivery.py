"""A story of findings whose truth is known: what is wrong when, step by step, drawn with a seed. A watch tells of it, and nothing else.

What it tells of a step follows from the step alone, as of tables that hold still.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schemas.records.finding import Finding, FindingKey, Kind, Severity, Sighting
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Span
from weir.detector.watch import Look

STEP_S = 300
START_S = 1_767_225_600
"""2026-01-01T00:00:00Z: the first step of a story ends here."""
KINDS: tuple[Kind, ...] = ("failure", "scan", "rtt", "exfiltration")


@dataclass(frozen=True)
class Trouble:
    """Seen from the step `first` on, over in the step `last`. `grave_from`: critical from there on."""

    key: FindingKey
    first: int
    last: int
    grave_from: int


@dataclass(frozen=True)
class Story:
    """`steps`: how many there are. In the last of them nothing is wrong any more."""

    seed: int
    steps: int
    each: int
    troubles: tuple[Trouble, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "troubles", tuple(_troubles(random.Random(self.seed), self.steps, self.each)))

    def step(self, number: int) -> Span:
        end_s = START_S + number * STEP_S
        return Span(end_s - STEP_S, end_s)


def _troubles(chance: random.Random, steps: int, each: int) -> Iterator[Trouble]:
    """About `each` begin in a step. A subject has one trouble in its life."""
    for first in range(1, steps - 2):
        for number in range(chance.randint(0, 2 * each)):
            last = min(steps - 1, first + chance.randint(1, 8))
            key = FindingKey(chance.choice(KINDS), "default", f"w-{first}-{number}", chance.choice(("", "db")), chance.choice((0, 5432)))
            yield Trouble(key, first, last, chance.choice((0, first + 1, last + 1)))


@dataclass(frozen=True)
class StoryWatch:
    story: Story
    kinds: frozenset[Kind] = frozenset(KINDS)

    def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
        at = (step.end_s - START_S) // STEP_S
        seen = tuple(_sighting(one, at) for one in self.story.troubles if one.first <= at < one.last)
        ended = frozenset(one.key for one in self.story.troubles if one.last <= at) & opened.keys()
        return Look(seen, ended)


def _sighting(trouble: Trouble, at: int) -> Sighting:
    severity: Severity = "critical" if at >= trouble.grave_from else "warning"
    first_s, end_s = START_S + (trouble.first - 1) * STEP_S, START_S + at * STEP_S
    return Sighting(trouble.key, severity, first_s * 1_000_000, end_s * 1_000_000, at, '{"tried":5}')
