"""`weir health` against a fortnight whose faults are known: what is found, what is not, and what is found that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from streams.insights.health.baseline import Past
from streams.insights.health.course import STEPS_BEFORE, Seen, course_of, usuals_of
from streams.insights.health.grouping import Edge, Trouble, grouped
from streams.insights.health.hysteresis import Episode
from streams.insights.health.signals import FAILURE, STEP_S, WEEK_S, Floats, Ints
from tests.bench.console.report import Figure, at_most
from tests.simulator.answers.health import DAY, DAYS, FAULTS, START_S, Fault, Fortnight, fortnight

HOUR = 12
FIRST = START_S // STEP_S
_UNKNOWN_HOURS = 4
LEAST_EXCESS = 10
"""That really were in excess, as drawn: a fault that was to spoil as many may have spoiled none."""
SLACK = 3
"""Steps after a fault's end that its finding may begin in: windows end later than what they show."""


@dataclass(frozen=True)
class Score:
    found: int
    of: int
    true: int
    told: int
    delays: tuple[int, ...]

    @property
    def recall(self) -> float:
        return self.found / max(self.of, 1)

    @property
    def precision(self) -> float:
        return self.true / max(self.told, 1)


def measure(seed: int) -> Iterator[Figure]:
    score = score_of(fortnight(seed))
    name = f"health: {FAULTS} faults on 500 edges in a fortnight"
    yield Figure(f"{name}: found, of those with {LEAST_EXCESS} failures in excess", ">= 0.95", *_share(score.found, score.of))
    yield Figure(f"{name}: findings that are faults", ">= 0.95", *_share(score.true, score.told))
    yield at_most(f"{name}: windows until it is found, median", 2, median(score.delays), "windows")
    yield at_most(
        "health: findings a day in a fortnight without a fault", 1, len(troubles_of(fortnight(seed + 1_000_000, 0))) / DAYS, "a day"
    )


def _share(part: int, whole: int) -> tuple[str, bool]:
    return f"{part / max(whole, 1):.3f} ({part} of {whole})", part >= 0.95 * whole


def score_of(days: Fortnight) -> Score:
    """A fault is found by any finding on an edge of its own while it lasts; a finding is true while a fault of its edges lasts."""
    told = troubles_of(days)
    wanted = [fault for fault in days.faults if fault.excess >= LEAST_EXCESS]
    firsts = [[one.opened - FIRST - fault.start + 1 for one in _episodes(told) if _shows(one, fault)] for fault in wanted]
    true = sum(any(_shows(one, fault) for one in trouble.episodes for fault in days.faults) for trouble in told)
    found = tuple(min(delays) for delays in firsts if delays)
    return Score(len(found), len(wanted), true, len(told), found)


def _episodes(told: Sequence[Trouble]) -> Iterator[Episode]:
    for trouble in told:
        yield from trouble.episodes


def _shows(one: Episode, fault: Fault) -> bool:
    return one.edge in fault.edges and fault.start <= one.opened - FIRST < fault.end + SLACK


def troubles_of(days: Fortnight) -> list[Trouble]:
    """Day by day, as a detector would have gone through it, with the past that it would have had."""
    hours = _by_hour(days.bad), _by_hour(days.tried)
    before = _before(days.tried[FAILURE])
    state, ended = None, list[Episode]()
    for day in range(DAYS):
        seen = _seen(days, before, day)
        course = course_of(seen, usuals_of(seen, _past(hours, days.server, day)), state)
        state = course.state
        ended += [one for one in course.episodes if one.until is not None or day == DAYS - 1]
    names = [Edge("", f"c{client}", f"s{server}", "tcp", 1) for client, server in zip(days.client, days.server, strict=True)]
    return grouped(ended, names)


def _seen(days: Fortnight, before: Floats, day: int) -> Seen:
    start, end = day * DAY - STEPS_BEFORE, (day + 1) * DAY
    bad, tried, earlier = (_cut(part, start, end) for part in (days.bad, days.tried, before))
    active = tried[FAILURE] > 0
    return Seen(FIRST + start, bad, tried, active, np.ones_like(active), earlier)


def _cut(values: Floats, start: int, end: int) -> Floats:
    """Of what was before the fortnight nothing is known."""
    kept = values[..., max(0, start) : end]
    return np.concatenate([np.zeros((*kept.shape[:-1], max(0, -start))), kept], axis=-1)


def _past(hours: tuple[Floats, Floats], server: Ints, day: int) -> Past:
    until, whole = day * 24, max(0, day * 24 - _UNKNOWN_HOURS)
    sums = (part[:, :, :whole].sum(axis=2) for part in hours)
    return Past(START_S + 3_600 * np.arange(until), hours[0][:, :, :until], hours[1][:, :, :until], *sums, server)


def _by_hour(values: Floats) -> Floats:
    return values.reshape(*values.shape[:2], -1, HOUR).sum(axis=3)


def _before(tried: Floats) -> Floats:
    found = np.full(tried.shape, np.inf)
    for steps in (DAY, WEEK_S // STEP_S):
        found[:, steps:] = np.minimum(found[:, steps:], tried[:, :-steps])
    return found
