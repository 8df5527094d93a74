"""Edges that have stopped: nothing was tried where a past like today's would have tried something, and somebody was looking."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from streams.insights.health.signals import LOOKBACK, Bools, Floats, Ints

_LEVEL_STEPS = 12


@dataclass(frozen=True)
class Silence:
    """(edges, steps). `run`: silent steps up to this one; 0: it is not. `chance`: that chance alone made it silent for so long.

    `missing`: connections of a silent step that did not come.
    """

    run: Ints
    chance: Floats
    missing: Floats

    def but_for(self, before: Floats) -> Silence:
        """Without what is usual at this time: `before` has the lower of yesterday's and last week's tries of the same step."""
        return replace(self, chance=np.where(before <= 0, 1.0, self.chance))


def silence_of(tried: Floats, active: Bools, lowest: Floats, expected: Floats) -> Silence:
    """`tried`, `active` (anything was seen): (edges, steps). `lowest`, `expected`: as in `Usual`.

    It must be no chance by the past's rate, and by that of the hour before, as far as so many connections tell it (Poisson's law with a
    gamma prior). An edge that is used to be silent is also asked how often it was.
    """
    silent = ~active & (tried == 0)
    edges = np.flatnonzero(silent.any(axis=1))
    found = Silence(np.zeros(tried.shape, np.int64), np.ones(tried.shape), np.zeros(tried.shape))
    found.run[edges], found.chance[edges], found.missing[edges] = _of_silent(silent[edges], tried[edges], lowest[edges], expected[edges])
    return found


def _of_silent(silent: Bools, tried: Floats, lowest: Floats, expected: Floats) -> tuple[Ints, Floats, Floats]:
    run = _runs(silent)
    began = np.arange(tried.shape[1])[None, :] - run + 1
    level = _before(tried, began, _LEVEL_STEPS) / _LEVEL_STEPS
    quiet = _before(silent.astype(np.float64), began, LOOKBACK)
    seen = np.minimum(began, LOOKBACK)
    missing = np.where(run > 0, np.minimum(lowest, level), 0.0)
    by_past = np.exp(-expected * run)
    by_today = (_LEVEL_STEPS / (_LEVEL_STEPS + run)) ** (level * _LEVEL_STEPS)
    by_habit = np.where(quiet > 0, ((quiet + 1) / (seen + 2)) ** run, 0.0)
    chance = np.where((run > 0) & (missing > 0), np.maximum(np.maximum(by_past, by_today), by_habit), 1.0)
    return run, chance, missing


def _runs(silent: Bools) -> Ints:
    """How many steps up to each one are silent, without a break."""
    found = np.zeros(silent.shape, np.int64)
    for step in range(silent.shape[1]):
        found[:, step] = np.where(silent[:, step], found[:, step - 1] + 1 if step else 1, 0)
    return found


def _before(values: Floats, end: Ints, steps: int) -> Floats:
    """The sum over so many steps before the step `end`."""
    whole = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(np.take_along_axis(whole, end, axis=1) - np.take_along_axis(whole, np.maximum(end - steps, 0), axis=1), np.float64)
