"""From alarms of single steps to findings that do not flutter: two alarms of three steps open one, three calm steps end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from streams.insights.health import bounds
from streams.insights.health.discovery import Alarms
from streams.insights.health.signals import KINDS, SILENCE, Bools, Floats, Ints

OPENING, OF_STEPS, CALM_STEPS = 2, 3, 3
GIVEN_UP_STEPS = 12
"""Nothing was tried for an hour, while somebody looked: it is over."""
LONGEST_CALM_STEPS = 48
LONGEST_SILENCE_STEPS = 288
"""A day of silence is the new usual."""
_PROOF = 0.01


@dataclass(frozen=True)
class Counted:
    """(signals and silence, edges)."""

    bad: Floats
    tried: Floats
    excess: Floats

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.bad + other.bad, self.tried + other.tried, self.excess + other.excess)

    def where(self, chosen: Bools, other: Counted) -> Counted:
        """This where chosen, the other elsewhere."""
        return Counted(*(np.where(chosen, a, b) for a, b in zip(self.parts(), other.parts(), strict=True)))

    def of(self, edges: Ints) -> Counted:
        return Counted(*(part[:, edges] for part in self.parts()))

    def parts(self) -> tuple[Floats, Floats, Floats]:
        return self.bad, self.tried, self.excess


def nothing(edges: int) -> Counted:
    return Counted(*(np.zeros((len(KINDS), edges)) for _ in range(3)))


@dataclass(frozen=True)
class State:
    """(signals and silence, edges). `since`, `opened`: steps. `counted`: from the first to the last alarm.

    `calm`: steps since that, as far as somebody looked, and what was counted in them.
    """

    is_open: Bools
    since: Ints
    opened: Ints
    counted: Counted
    calm: Ints
    calm_counted: Counted

    def of(self, edges: Ints) -> State:
        since, opened, calm = (part[:, edges] for part in (self.since, self.opened, self.calm))
        return State(self.is_open[:, edges], since, opened, self.counted.of(edges), calm, self.calm_counted.of(edges))

    def among(self, edges: Ints, of: int) -> State:
        """This, of these `edges` among so many, all others of which are closed."""
        whole = closed(of)
        for part, own in zip(whole.parts(), self.parts(), strict=True):
            part[:, edges] = own
        return whole

    def parts(self) -> tuple[Floats | Ints | Bools, ...]:
        return self.is_open, self.since, self.opened, *self.counted.parts(), self.calm, *self.calm_counted.parts()


def closed(edges: int) -> State:
    since, opened, calm = (np.zeros((len(KINDS), edges), np.int64) for _ in range(3))
    return State(np.zeros((len(KINDS), edges), np.bool_), since, opened, nothing(edges), calm, nothing(edges))


@dataclass(frozen=True)
class Episode:
    """A finding's life in steps. `opened`: when it was found; `until`: the first step in which it is over; None: it is not.

    Counted is up to its last alarm.
    """

    signal: int
    edge: int
    since: int
    opened: int
    until: int | None
    bad: float
    tried: float
    excess: float


@dataclass
class Life:
    """Goes on step by step; `ended` has what is over, in the order of its end."""

    state: State
    ended: list[Episode] = field(default_factory=list)

    def go_on(self, number: int, counted: Callable[[int], Counted], watched: Bools, alarms: Alarms, at: int) -> None:
        """The step of this number stands at `at` in `alarms`, and what was seen in it is `counted(at)`.

        `watched`: (edges), of the others nothing is known.
        """
        before, alarm = self.state, alarms.alarm[:, :, at]
        calm = np.where(alarm, 0, before.calm + watched)
        whole = before.calm_counted + counted(at)
        sums = (before.counted + whole).where(alarm, before.counted)
        rest = nothing(alarm.shape[1]).where(alarm, whole)
        state = State(before.is_open, before.since, before.opened, sums, calm, rest)
        over = _over(state, number)
        for signal, edge in zip(*np.nonzero(over), strict=True):
            self.ended.append(_episode(state, signal, edge, number - int(calm[signal, edge]) + 1))
        opens = alarm & ~before.is_open & (alarms.alarm[:, :, max(0, at - OF_STEPS + 1) : at + 1].sum(axis=2) >= OPENING)
        since, opened = state.since, np.where(opens, number, state.opened)
        if opens.any():
            began, shown = _beginning(number, counted, alarms, at)
            since, sums = np.where(opens, began, since), shown.where(opens, sums)
        self.state = State(state.is_open & ~over | opens, since, opened, sums, calm, rest)

    def open_ones(self) -> Iterator[Episode]:
        for signal, edge in zip(*np.nonzero(self.state.is_open), strict=True):
            yield _episode(self.state, signal, edge, None)


def _beginning(number: int, counted: Callable[[int], Counted], alarms: Alarms, at: int) -> tuple[Ints, Counted]:
    """Where the window of the first alarm of the last steps begins, and what was counted from there on. Where there is none: anything."""
    since, sums = np.full(alarms.alarm.shape[:2], -1, np.int64), nothing(alarms.alarm.shape[1])
    for place in range(max(0, at - OF_STEPS + 1), at + 1):
        first = alarms.alarm[:, :, place] & (since < 0)
        window = Counted(alarms.bad[:, :, place], alarms.tried[:, :, place], alarms.excess[:, :, place])
        sums = window.where(first, sums + counted(place))
        since = np.where(first, number - (at - place) - alarms.length[:, :, place] + 1, since)
    return since, sums


def _episode(state: State, signal: int, edge: int, until: int | None) -> Episode:
    at, counted = (signal, edge), state.counted
    found = (float(part[at]) for part in (counted.bad, counted.tried, counted.excess))
    return Episode(int(signal), int(edge), int(state.since[at]), int(state.opened[at]), until, *found)


def _over(state: State, number: int) -> Bools:
    """Three calm steps, and so few bad in them that the finding's own share would hardly have shown so few.

    Silence ends by being heard; whatever else is tried no more, or is calm for hours, is over too.
    """
    calm = state.is_open & (state.calm >= CALM_STEPS)
    over = calm & ((state.calm >= LONGEST_CALM_STEPS) | (state.calm >= GIVEN_UP_STEPS) & (state.calm_counted.tried == 0))
    over[SILENCE] = state.is_open[SILENCE] & (number - state.since[SILENCE] >= LONGEST_SILENCE_STEPS)
    where = np.nonzero(calm & (state.calm_counted.tried > 0))
    if not len(where[0]):  # nothing to look at exactly
        return np.asarray(over, np.bool_)
    share = state.counted.bad[where] / np.maximum(state.counted.tried[where], 1)
    few = bounds.so_few(state.calm_counted.bad[where], state.calm_counted.tried[where], np.minimum(share, 1.0))
    over[where] |= few < _PROOF
    return np.asarray(over, np.bool_)
