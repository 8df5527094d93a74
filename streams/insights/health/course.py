"""The course of every edge over some steps: counts in, findings that opened and ended out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.insights.health import bounds
from streams.insights.health.baseline import Past, Usual, usual_of
from streams.insights.health.discovery import alarms_of
from streams.insights.health.hysteresis import OF_STEPS, Counted, Episode, Life, State, closed
from streams.insights.health.signals import FAILURE, HOUR_S, LOOKBACK, STEP_S, Bools, Floats, Ints
from streams.insights.health.silence import Silence, silence_of

STEPS_BEFORE = LOOKBACK + OF_STEPS - 2
"""So many steps before the first that is judged are looked back at."""
_SUSPECT = 0.01


@dataclass(frozen=True)
class Seen:
    """`first`: the number of the first step since 1970. `bad`, `tried`: (signals, edges, steps).

    `active`: (edges, steps), anything was seen; `watched`: nothing seen means that nothing was; `before`: tries of the same step a day or a
    week before, the lower of the two.
    """

    first: int
    bad: Floats
    tried: Floats
    active: Bools
    watched: Bools
    before: Floats

    @property
    def steps(self) -> Ints:
        return self.first + np.arange(self.bad.shape[2])


@dataclass(frozen=True)
class Usuals:
    """`usual`: by hour; `hour`: for each step, which."""

    usual: tuple[Usual, ...]
    hour: Ints

    def spread(self, signal: int, edge: int, at: int) -> float:
        return float(self.usual[self.hour[at]].spread[signal, edge])


@dataclass(frozen=True)
class Course:
    """`episodes`: ended ones, and those still open. `state`: to go on from."""

    episodes: tuple[Episode, ...]
    state: State


def usuals_of(seen: Seen, past: Past) -> Usuals:
    hours_s, hour = np.unique(seen.steps * STEP_S // HOUR_S * HOUR_S, return_inverse=True)
    return Usuals(tuple(usual_of(past, int(one)) for one in hours_s), hour)


def course_of(seen: Seen, usuals: Usuals, state: State | None = None) -> Course:
    """From the step after STEPS_BEFORE on; without a state nothing is open there."""
    silence = silent_of(seen, usuals)
    watched = seen.watched | seen.active
    alarms = alarms_of(seen.bad, seen.tried, usuals.usual, usuals.hour, silence, watched)
    life = Life(closed(seen.bad.shape[1]) if state is None else state)

    def counted(at: int) -> Counted:
        return _counted(seen, silence, watched, usuals.usual[usuals.hour[at]], at)

    for at in range(STEPS_BEFORE, seen.bad.shape[2]):
        life.go_on(seen.first + at, counted, watched[:, at], alarms, at)
    return Course((*life.ended, *life.open_ones()), life.state)


def silent_of(seen: Seen, usuals: Usuals) -> Silence:
    lowest = np.stack([one.lowest for one in usuals.usual], axis=1)[:, usuals.hour]
    return silence_of(seen.tried[FAILURE], seen.active, lowest, seen.before)


def may_be_silent(seen: Seen, usuals: Usuals) -> Ints:
    """Edges of whose silence there may be an alarm, by what is known of them."""
    return np.flatnonzero((silent_of(seen, usuals).chance < bounds.FALSE_DISCOVERIES).any(axis=1))


def suspects(seen: Seen, usuals: Usuals) -> Ints:
    """Edges of which it matters whether somebody looked while nothing was seen: silent ones, and those that failed before."""
    silence = silent_of(seen, usuals)
    idle = silence.run[:, STEPS_BEFORE:] > 0
    failed = np.asarray(seen.bad[FAILURE].sum(axis=1) > 0, np.bool_)
    silent = (silence.chance < _SUSPECT).any(axis=1) & seen.active.any(axis=1)
    return np.flatnonzero(silent | failed & idle.any(axis=1))


def _counted(seen: Seen, silence: Silence, watched: Bools, usual: Usual, at: int) -> Counted:
    bad, tried = seen.bad[:, :, at], seen.tried[:, :, at]
    silent = (silence.run[:, at] > 0) & watched[:, at]
    return Counted(
        np.vstack([bad, silent]),
        np.vstack([tried, watched[:, at]]),
        np.vstack([bad - usual.share * tried, silent * silence.missing[:, at]]),
    )
