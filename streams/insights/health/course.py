"""The course of every edge over some steps: counts in, findings that opened and ended out."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """`usual`: by hour; `hour`: for each step, which. `silence`: beside the quietest hours, of whatever was before."""

    usual: tuple[Usual, ...]
    hour: Ints
    silence: Silence

    def spread(self, signal: int, edge: int, at: int) -> float:
        return float(self.usual[self.hour[at]].spread[signal, edge])


@dataclass(frozen=True)
class Course:
    """`episodes`: ended ones, and those still open. `state`: to go on from."""

    episodes: tuple[Episode, ...]
    state: State


def usuals_of(seen: Seen, past: Past) -> Usuals:
    hours_s, hour = np.unique(seen.steps * STEP_S // HOUR_S * HOUR_S, return_inverse=True)
    usual = tuple(usual_of(past, int(one)) for one in hours_s)
    lowest, expected = (np.stack([getattr(one, name) for one in usual], axis=1)[:, hour] for name in ("lowest", "expected"))
    return Usuals(usual, hour, silence_of(seen.tried[FAILURE], seen.active, lowest, expected))


def course_of(seen: Seen, usuals: Usuals, state: State | None = None) -> Course:
    """From the step after STEPS_BEFORE on; without a state nothing is open there."""
    silence = usuals.silence.but_for(seen.before)
    watched = seen.watched | seen.active
    alarms = alarms_of(seen.bad, seen.tried, usuals.usual, usuals.hour, silence, watched)
    state = state or closed(seen.bad.shape[1])
    edges = np.flatnonzero(alarms.alarm.any(axis=(0, 2)) | state.is_open.any(axis=0))  # of all others nothing opens and nothing ends
    life, alarms, watched = Life(state.of(edges)), alarms.of(edges), watched[edges]
    bad, tried, run, missing = seen.bad[:, edges], seen.tried[:, edges], silence.run[edges], silence.missing[edges]
    shares = [usual.share[:, edges] for usual in usuals.usual]

    def counted(at: int) -> Counted:
        silent = (run[:, at] > 0) & watched[:, at]
        excess = bad[:, :, at] - shares[usuals.hour[at]] * tried[:, :, at]
        both = (bad[:, :, at], silent), (tried[:, :, at], watched[:, at]), (excess, silent * missing[:, at])
        return Counted(*(np.vstack(one) for one in both))

    for at in range(STEPS_BEFORE, seen.bad.shape[2]):
        life.go_on(seen.first + at, counted, watched[:, at], alarms, at)
    episodes = (replace(one, edge=int(edges[one.edge])) for one in (*life.ended, *life.open_ones()))
    return Course(tuple(episodes), life.state.among(edges, seen.bad.shape[1]))


def may_be_silent(seen: Seen, usuals: Usuals) -> Ints:
    """Edges of whose silence there may be an alarm, by what is known of them."""
    return np.flatnonzero((usuals.silence.but_for(seen.before).chance < bounds.FALSE_DISCOVERIES).any(axis=1))


def suspects(seen: Seen, usuals: Usuals) -> Ints:
    """Edges of which it matters whether somebody looked while nothing was seen: silent ones, and those that failed before."""
    silence = usuals.silence.but_for(seen.before)
    idle = silence.run[:, STEPS_BEFORE:] > 0
    failed = np.asarray(seen.bad[FAILURE].sum(axis=1) > 0, np.bool_)
    silent = (silence.chance < _SUSPECT).any(axis=1) & seen.active.any(axis=1)
    return np.flatnonzero(silent | failed & idle.any(axis=1))
