"""Which edges alarm at which step: windows of several lengths against what is usual, and of all tests of a step only what is no chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from streams.insights.health import bounds
from streams.insights.health.baseline import Usual
from streams.insights.health.signals import KINDS, LOOKBACK, SCALES, SHARES, Bools, Floats, Ints
from streams.insights.health.silence import Silence

_RECENT = {1: (), 3: (1,), 6: (1, 3), 12: (3, 6), 24: (3, 6, 12), 48: (3, 6, 12, 24)}
"""Of a window, so many last steps must not speak against those before them: what is over is no alarm."""

_SPEAKING, _SPEAKS = 12, 0.01
"""Of the longest window, these must speak for it."""
_WINDOWS = {1: 3.0, 3: 4.0, 6: 6.0, 12: 8.0, 24: 16.0, 48: 32.0}
"""What the chance of a window is multiplied by, as the lengths are tests of their own: Bonferroni's rule with weights (Holm 1979).

The inverses make 1 at most. Long windows have less: two alarms of three steps have hardly more to say than one of them.
"""
_USUAL_CONFIDENCE, _BURST_CONFIDENCE = 0.9, 0.75
_WORTH_CONFIDENCE = 0.9
"""That a share is high enough to be worth a word. That it is no chance is asked besides, and much more strictly."""
_CONTRADICTS = 0.05

Places = tuple[Ints, ...]


@dataclass(frozen=True)
class Alarms:
    """(signals and silence, edges, steps). `length`: steps of the window that shows it best; what is counted in it.

    Of silence the steps themselves are counted, and the connections that did not come are its excess.
    """

    alarm: Bools
    length: Ints
    bad: Floats
    tried: Floats
    excess: Floats


@dataclass(frozen=True)
class _Found:
    """Of those windows that may be an alarm: where they are, and the chance of it."""

    where: Places
    chance: Floats
    length: Ints
    bad: Floats
    tried: Floats
    excess: Floats


def alarms_of(bad: Floats, tried: Floats, usual: Sequence[Usual], hour: Ints, silence: Silence, watched: Bools) -> Alarms:
    """`bad`, `tried`: (signals, edges, steps), the first LOOKBACK - 1 of which are looked back at alone: nothing is said of them.

    `usual`: by hour; `hour`: which of them a step belongs to. `watched`: (edges, steps), where silence would have been seen as such.
    """
    shape = (len(KINDS), *bad.shape[1:])
    found = Alarms(np.zeros(shape, np.bool_), np.zeros(shape, np.int64), *(np.zeros(shape) for _ in range(3)))
    chance = np.ones(shape)
    for number, signal in enumerate(SHARES):
        edges = np.flatnonzero(bad[number].sum(axis=1) >= signal.least)
        one = _Signal(number, edges, bad[number, edges], tried[number, edges], usual, hour, {})
        for length in SCALES if len(edges) else ():
            _keep_better(chance, found, one.windows(length))
    chance[-1] = np.where(watched, silence.chance, 1.0)
    found.length[-1] = found.bad[-1] = found.tried[-1] = silence.run
    found.excess[-1] = silence.run * silence.missing
    tests = int(tried.any(axis=2).sum()) + len(watched)
    for step in range(LOOKBACK - 1, shape[2]):
        where = np.nonzero(chance[:, :, step] < bounds.FALSE_DISCOVERIES)
        if len(where[0]):
            at = where[0], where[1], np.full(len(where[0]), step)
            found.alarm[at] = bounds.discoveries(chance[at], tests)
    return found


def _keep_better(chance: Floats, kept: Alarms, found: _Found) -> None:
    better = found.chance < chance[found.where]
    where = tuple(part[better] for part in found.where)
    chance[where] = found.chance[better]
    for name in ("length", "bad", "tried", "excess"):
        getattr(kept, name)[where] = getattr(found, name)[better]


@dataclass(frozen=True)
class _Signal:
    """One signal of those edges that may have an alarm. `bad`, `tried`: (these edges, steps).

    `highest`: by confidence, (these edges, hours), what `_highest` has found so far; NaN: not asked for.
    """

    number: int
    edges: Ints
    bad: Floats
    tried: Floats
    usual: Sequence[Usual]
    hour: Ints
    highest: dict[float, Floats]

    def windows(self, length: int) -> _Found:
        """Those of one length that have enough in them, and a share that is high enough to be worth an exact look, and pass it.

        What chance alone may do is left out before the dearer looks: of all tests of a step it would never be let through.
        """
        signal, share = SHARES[self.number], self._of_usual("share")[:, self.hour]
        limit = np.maximum(signal.ratio * share, share + signal.floor)
        bad, tried = _sums(self.bad, length), _sums(self.tried, length)
        worth = (bad >= signal.least) & (tried >= signal.tried) & (bad > limit * tried)
        worth[:, : LOOKBACK - 1] = False
        where = np.nonzero(worth)
        spread, x, n = self._of_usual("spread")[where[0], self.hour[where[1]]], bad[where], tried[where]
        some = self._of_bursts(where, x, n, spread) if signal.bursts else bounds.so_many(x / spread, n / spread, self._highest(where))
        chance = np.minimum(some * _WINDOWS[length], 1.0)
        known = self._of_usual("known")[where[0], self.hour[where[1]]].astype(np.bool_)
        rare = known & (chance < bounds.FALSE_DISCOVERIES)
        where = (where[0][rare], where[1][rare])
        x, n, spread, chance = (part[rare] for part in (x, n, spread, chance))
        sure = bounds.lower(x / spread, n / spread, _WORTH_CONFIDENCE) > limit[where]
        sure &= self._goes_on(where, length, spread)
        edge, step = self.edges[where[0][sure]], where[1][sure]
        excess = (x - n * share[where])[sure]
        return _Found((np.full(len(edge), self.number), edge, step), chance[sure], np.full(len(edge), length), x[sure], n[sure], excess)

    def _of_usual(self, name: str) -> Floats:
        """(these edges, hours)."""
        return np.stack([getattr(one, name)[self.number, self.edges] for one in self.usual], axis=1)

    def _of_bursts(self, where: Places, x: Floats, n: Floats, spread: Floats) -> Floats:
        """The chance of so many. A long window has as much to it as the past it is compared with: that spreads it more, by their sizes."""
        usual = self._of_usual("tried")[where[0], self.hour[where[1]]]
        return bounds.so_many_in_bursts(x, n * self._highest(where, _BURST_CONFIDENCE), spread * (1 + n / usual))

    def _highest(self, where: Places, confidence: float = _USUAL_CONFIDENCE) -> Floats:
        """An upper bound of the usual share. An inverse is dear: one does for all steps of an hour, and all windows."""
        edge, hour = where[0], self.hour[where[1]]
        known = self.highest.setdefault(confidence, np.full((len(self.edges), len(self.usual)), np.nan))
        asked = np.zeros(known.shape, np.bool_)
        asked[edge, hour] = True
        new = np.nonzero(asked & np.isnan(known))
        bad, tried, spread = (self._of_usual(name)[new] for name in ("bad", "tried", "spread"))
        known[new] = special.betaincinv(bad / spread + 1, (tried - bad) / spread, confidence)
        return np.asarray(known[edge, hour], np.float64)

    def _goes_on(self, where: Places, length: int, spread: Floats) -> Bools:
        """The last steps do not speak against those before them; of the longest, they speak for it."""
        highest = self._highest(where)
        rows, of_row = np.unique(where[0], return_inverse=True)
        where, parts = (of_row, where[1]), (self.bad[rows], self.tried[rows])
        x, n = (_sums(part, length)[where] for part in parts)
        found = np.ones(len(x), np.bool_)
        for recent in _RECENT[length]:
            bad, tried = (_sums(part, recent)[where] for part in parts)
            earlier = np.divide(x - bad, n - tried, out=np.zeros_like(x), where=n > tried)
            share = np.maximum(earlier, x / n)
            found &= (bad > 0) & (bounds.so_few(bad / spread, tried / spread, share) > _CONTRADICTS)
        if length == LOOKBACK:
            bad, tried = (_sums(part, _SPEAKING)[where] / spread for part in parts)
            found &= bounds.so_many(bad, tried, highest) < _SPEAKS
        return found


def _sums(values: Floats, length: int) -> Floats:
    """Over the last `length` steps up to each one; over fewer at the beginning."""
    whole = np.cumsum(values, axis=1)
    if length < values.shape[1]:
        whole[:, length:] -= whole[:, :-length].copy()
    return whole
