"""Which edges alarm at which step: windows of several lengths against what is usual, and of all tests of a step only what is no chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streams.insights.health import bounds
from streams.insights.health.baseline import Usual
from streams.insights.health.signals import KINDS, LOOKBACK, SCALES, SHARES, Bools, Floats, Ints
from streams.insights.health.silence import Silence

_RECENT = {1: (), 3: (1,), 6: (1, 3), 12: (3, 6), 24: (3, 6, 12), 48: (3, 6, 12, 24)}
"""Of a window, so many last steps must not speak against those before them: what is over is no alarm."""

_SPEAKING: dict[int, tuple[tuple[int, float], ...]] = {24: ((6, 0.1),), 48: ((6, 0.1), (12, 0.01))}
"""Of a long window, so many last steps must have more than usual, and so little a chance of it: it is found while it lasts."""
_WINDOWS = {1: 3.0, 3: 4.0, 6: 6.0, 12: 8.0, 24: 16.0, 48: 32.0}
"""What the chance of a window is multiplied by, as the lengths are tests of their own: Bonferroni's rule with weights (Holm 1979).

The inverses make 1 at most. Long windows have less: two alarms of three steps have hardly more to say than one of them.
"""
_USUAL_CONFIDENCE = 0.9
_WORTH_CONFIDENCE = 0.9
"""That a share is high enough to be worth a word. That it is no chance is asked besides, and much more strictly."""
_CONTRADICTS = 0.05
_REST = 0.001
"""What is left of a window without its worst step must be less likely than so: one burst is no fault that lasts."""

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

    def of(self, edges: Ints) -> Alarms:
        return Alarms(self.alarm[:, edges], self.length[:, edges], *(part[:, edges] for part in (self.bad, self.tried, self.excess)))


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
    chance = np.zeros(shape)
    for number, signal in enumerate(SHARES):
        edges = np.flatnonzero(bad[number].sum(axis=1) >= signal.least)
        one = _Signal(number, edges, bad[number, edges], tried[number, edges], usual, hour)
        for length in SCALES if len(edges) else ():
            rare = one.windows(length)
            if rare is not None:
                _keep_better(chance, found, rare)
    _keep_better(chance, found, _of_silence(silence, watched))
    tests = int(tried.any(axis=2).sum()) + len(watched)
    places = np.nonzero(found.length)
    for step in np.unique(places[2]):
        at = tuple(part[places[2] == step] for part in places)
        found.alarm[at] = bounds.discoveries(chance[at], tests)
    return found


def _of_silence(silence: Silence, watched: Bools) -> _Found:
    rare = watched & (silence.chance < bounds.FALSE_DISCOVERIES)
    rare[:, : LOOKBACK - 1] = False
    edge, step = np.nonzero(rare)
    run = silence.run[edge, step].astype(np.float64)
    kind = np.full(len(edge), len(KINDS) - 1)
    return _Found((kind, edge, step), silence.chance[edge, step], silence.run[edge, step], run, run, run * silence.missing[edge, step])


def _keep_better(chance: Floats, kept: Alarms, found: _Found) -> None:
    """`chance` is that of places that have a `length`, and nothing elsewhere: large arrays are dear to fill."""
    better = (kept.length[found.where] == 0) | (found.chance < chance[found.where])
    where = tuple(part[better] for part in found.where)
    chance[where] = found.chance[better]
    for name in ("length", "bad", "tried", "excess"):
        getattr(kept, name)[where] = getattr(found, name)[better]


class _Signal:
    """One signal of those edges that may have an alarm. `bad`, `tried`: (these edges, steps).

    `limit`: (these edges, steps), what is worth a word. `highest`: (these edges, hours), what `_highest` has found so far; NaN: not asked
    for.
    """

    def __init__(self, number: int, edges: Ints, bad: Floats, tried: Floats, usual: Sequence[Usual], hour: Ints) -> None:
        self.number, self.edges, self.bad, self.tried, self.usual, self.hour = number, edges, bad, tried, usual, hour
        self.share = self._of_usual("share")
        self.limit = np.maximum(SHARES[number].ratio * self.share, self.share + SHARES[number].floor)[:, hour[LOOKBACK - 1 :]]
        self.whole = _up_to(bad), _up_to(tried)
        self.highest = np.full(self.share.shape, np.nan)

    def windows(self, length: int) -> _Found | None:
        """Those of one length that have enough in them, and a share that is high enough to be worth an exact look, and pass it.

        What chance alone may do is left out before the dearer looks: of all tests of a step it would never be let through.
        """
        signal = SHARES[self.number]
        bad, tried = (one[:, LOOKBACK:] - one[:, LOOKBACK - length : one.shape[1] - length] for one in self.whole)
        worth = np.nonzero((bad >= signal.least) & (tried >= signal.tried) & (bad > self.limit * tried))
        if not len(worth[0]):
            return None
        where = worth[0], worth[1] + LOOKBACK - 1
        spread, x, n, limit = self._of_usual("spread")[where[0], self.hour[where[1]]], bad[worth], tried[worth], self.limit[worth]
        chance = np.minimum(self._chance(where, x, n, spread) * _WINDOWS[length], 1.0)
        known = self._of_usual("known")[where[0], self.hour[where[1]]].astype(np.bool_)
        rare = known & (chance < bounds.FALSE_DISCOVERIES)
        where = (where[0][rare], where[1][rare])
        x, n, spread, chance, limit = (part[rare] for part in (x, n, spread, chance, limit))
        sure = bounds.lower(x / spread, n / spread, _WORTH_CONFIDENCE) > limit
        sure &= self._goes_on(where, length, spread)
        if length > 1:
            sure[sure] = self._lasts((where[0][sure], where[1][sure]), length, spread[sure])
        edge, step = self.edges[where[0][sure]], where[1][sure]
        excess = (x - n * self.share[where[0], self.hour[where[1]]])[sure]
        return _Found((np.full(len(edge), self.number), edge, step), chance[sure], np.full(len(edge), length), x[sure], n[sure], excess)

    def _of_usual(self, name: str) -> Floats:
        """(these edges, hours)."""
        return np.stack([getattr(one, name)[self.number, self.edges] for one in self.usual], axis=1)

    def _chance(self, where: Places, x: Floats, n: Floats, spread: Floats) -> Floats:
        """Of so many after such a past, which does not tell the usual share itself: bursts are spread more by that, by both their sizes."""
        bad, tried = (self._of_usual(name)[where[0], self.hour[where[1]]] for name in ("bad", "tried"))
        if SHARES[self.number].bursts:
            return bounds.so_many_in_bursts(x, n * bad / tried, spread * (1 + n / tried))
        return bounds.so_many_after(*(part / spread for part in (x, n, bad, tried)))

    def _highest(self, where: Places) -> Floats:
        """An upper bound of the usual share. An inverse is dear: one does for all steps of an hour, and all windows."""
        edge, hour = where[0], self.hour[where[1]]
        asked = np.zeros(self.highest.shape, np.bool_)
        asked[edge, hour] = True
        new = np.nonzero(asked & np.isnan(self.highest))
        if len(new[0]):
            bad, tried, spread = (self._of_usual(name)[new] for name in ("bad", "tried", "spread"))
            self.highest[new] = bounds.highest(bad / spread, tried / spread, _USUAL_CONFIDENCE)
        return np.asarray(self.highest[edge, hour], np.float64)

    def _last(self, where: Places, length: int) -> tuple[Floats, Floats]:
        """What was bad and what was tried in the last so many steps up to each place."""
        edge, end = where[0], where[1] + 1
        bad, tried = (one[edge, end] - one[edge, end - length] for one in self.whole)
        return bad, tried

    def _goes_on(self, where: Places, length: int, spread: Floats) -> Bools:
        """The last steps do not speak against those before them; of long windows, they speak for it."""
        x, n = self._last(where, length)
        found = np.ones(len(x), np.bool_)
        for recent in _RECENT[length]:
            bad, tried = self._last(where, recent)
            earlier = np.divide(x - bad, n - tried, out=np.zeros_like(x), where=n > tried)
            share = np.maximum(earlier, x / n)
            found &= (bad > 0) & (bounds.so_few(bad / spread, tried / spread, share) > _CONTRADICTS)
        for last, chance in _SPEAKING.get(length, ()):
            bad, tried = self._last(where, last)
            found &= bounds.so_many(bad / spread, tried / spread, self._highest(where)) < chance
        return found

    def _lasts(self, where: Places, length: int, spread: Floats) -> Bools:
        """Also without its worst step a window has more than usual."""
        steps = np.maximum(where[1][:, None] - np.arange(length), 0)
        bad, tried = (part[where[0][:, None], steps] for part in (self.bad, self.tried))
        worst = bad.argmax(axis=1)[:, None]
        x, n = (part.sum(axis=1) - np.take_along_axis(part, worst, axis=1)[:, 0] for part in (bad, tried))
        return np.asarray(bounds.so_many(x / spread, n / spread, self._highest(where)) < _REST, np.bool_)


def _up_to(values: Floats) -> Floats:
    """Sums before each step, and over all."""
    whole = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=whole[:, 1:])
    return whole
