"""What is usual for each edge at an hour: from the same hour of past weeks, or of past days, or of whatever there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.insights.health.signals import DAY_S, SHARES, STEP_S, WEEK_S, Bools, Floats, Ints, by_signal

LEAST_OWN = 0.2
"""So much of a signal's strength must have been tried for an edge to have a past of its own."""
UNKNOWN_BAD, UNKNOWN_TRIED = 0.1, 10.0
"""What is taken for known of an edge of which nothing is."""
_WEEKS = 2
_PEERS, _BURST_PEERS, _PEER_LIMIT = 10.0, 40.0, 25.0
"""So many hours of its own an edge needs to count for as much as all others do. Of bursts few hours tell little."""
_ENOUGH_BAD = 30.0
_UNSEEN_DAY = 0.3
"""Of what other days have: a weekend may have so little."""
_TELLING_BAD, _DIFFERS = 30.0, 1.645
"""Of so many bad at most an edge's whole past tells, unless the same hours are so many standard deviations away from it."""
_BURSTS = np.array([signal.bursts for signal in SHARES])[:, None, None]
"""An hour that stands out is one of theirs, and no outage."""


@dataclass(frozen=True)
class Past:
    """`bad`, `tried`: (signals, edges, hours); `hours_s`: the hours' starts. `whole_bad`, `whole_tried`: (signals, edges), of all the past.

    `server`: for each edge the number of its server.
    """

    hours_s: Ints
    bad: Floats
    tried: Floats
    whole_bad: Floats
    whole_tried: Floats
    server: Ints


@dataclass(frozen=True)
class Usual:
    """`bad`, `tried`: (signals, edges), what the past counts for; `spread`: how many times more than a coin's it varies, 1 or more.

    `known`: whether there is enough to judge by. `lowest`: (edges), tries a step at the quietest such hour but one; 0: not known.
    `expected`: so many of these are to be expected at least, as a day of the week that an edge has not lived may be a quieter one.
    """

    bad: Floats
    tried: Floats
    spread: Floats
    known: Bools
    lowest: Floats
    expected: Floats

    @property
    def share(self) -> Floats:
        return self.bad / self.tried


def usual_of(past: Past, hour_s: int) -> Usual:
    """Of the hour that starts at `hour_s`."""
    days = np.flatnonzero((past.hours_s < hour_s) & ((hour_s - past.hours_s) % DAY_S == 0))
    weeks = np.flatnonzero((past.hours_s < hour_s) & ((hour_s - past.hours_s) % WEEK_S == 0))
    bad, tried = past.bad[:, :, days], past.tried[:, :, days]
    same_bad, same_tried = _without_worst(bad, tried)
    if len(weeks) >= _WEEKS:
        week_bad, week_tried = _without_worst(past.bad[:, :, weeks], past.tried[:, :, weeks])
        enough = (past.tried[:, :, weeks] > 0).sum(axis=2) >= _WEEKS
        same_bad, same_tried = np.where(enough, week_bad, same_bad), np.where(enough, week_tried, same_tried)
    telling = _telling(past)
    prior_bad, prior_tried = _prior(past, _strength(past, same_bad, same_tried, telling), telling)
    own = past.whole_tried + same_tried
    known = np.array([not signal.own for signal in SHARES])[:, None] | (own >= LEAST_OWN * by_signal("strength")[:, :, 0])
    return Usual(same_bad + prior_bad, same_tried + prior_tried, _spread(bad, tried), known, *_lowest(past, days, weeks))


def _without_worst(bad: Floats, tried: Floats) -> tuple[Floats, Floats]:
    kept = ~_odd(bad, tried)
    return (bad * kept).sum(axis=2), (tried * kept).sum(axis=2)


def _odd(bad: Floats, tried: Floats) -> Bools:
    """The worst of three hours or more where it is worse than thrice the others: a past outage is not usual."""
    found = np.zeros(bad.shape, np.bool_)
    if bad.shape[2] <= _WEEKS:
        return found
    share = np.divide(bad, tried, out=np.zeros_like(bad), where=tried > 0)
    worst = share.argmax(axis=2)[:, :, None]
    one_bad, one_tried = (np.take_along_axis(part, worst, axis=2)[:, :, 0] for part in (bad, tried))
    rest_bad, rest_tried = bad.sum(axis=2) - one_bad, tried.sum(axis=2) - one_tried
    odd = (
        ((tried > 0).sum(axis=2) > _WEEKS)
        & (one_bad * rest_tried > 3 * rest_bad * one_tried)
        & (one_bad >= 3 * by_signal("spread")[:, :, 0])
    )
    np.put_along_axis(found, worst, odd[:, :, None], axis=2)
    return found


def _telling(past: Past) -> Floats:
    """(signals, edges): so many tries have as many bad ones among them as tell a share; without end where none was bad."""
    tries = np.divide(past.whole_tried, past.whole_bad, out=np.full(past.whole_bad.shape, np.inf), where=past.whole_bad > 0)
    return np.asarray(_TELLING_BAD * by_signal("spread")[:, :, 0] * tries, np.float64)


def _strength(past: Past, same_bad: Floats, same_tried: Floats, telling: Floats) -> Floats:
    """(signals, edges): for so many tries an edge's whole past counts. A share is known by its bad ones: where few are bad it takes more.

    Where the same hours differ from the whole, they are what is usual, and the whole counts for little: a test before pooling. Square roots
    of counts spread alike (Anscombe 1948).
    """
    least, spread = (by_signal(name)[:, :, 0] for name in ("strength", "spread"))
    share = np.divide(past.whole_bad, past.whole_tried, out=np.ones_like(past.whole_bad), where=past.whole_bad > 0)
    deviations = 2 * np.abs(np.sqrt(same_bad / spread + 0.375) - np.sqrt(share * same_tried / spread + 0.375))
    return np.where((deviations < _DIFFERS) & (past.whole_bad > 0), np.maximum(least, telling), least)


def _prior(past: Past, strength: Floats, telling: Floats) -> tuple[Floats, Floats]:
    """The edge's own past as a whole, up to `strength`; what lacks of the signal's comes from all edges of its server, then from all.

    Nothing lacks where so many were bad that the own share is known.
    """
    servers = int(past.server.max(initial=-1)) + 1
    at_server = [np.array([np.bincount(past.server, row, servers) for row in part]) for part in (past.whole_bad, past.whole_tried)]
    sources = (
        (past.whole_bad, past.whole_tried),
        (at_server[0][:, past.server], at_server[1][:, past.server]),
        tuple(np.broadcast_to(part.sum(axis=1, keepdims=True), part.shape) for part in (past.whole_bad, past.whole_tried)),
    )
    bad, tried = np.full(past.whole_bad.shape, UNKNOWN_BAD), np.full(past.whole_bad.shape, UNKNOWN_TRIED)
    left = np.minimum(by_signal("strength")[:, :, 0], telling)
    for number, (some_bad, some_tried) in enumerate(sources):
        taken = np.minimum(some_tried, left if number else strength)
        bad += taken * np.divide(some_bad, some_tried, out=np.zeros_like(bad), where=some_tried > 0)
        tried += taken
        left = np.maximum(left - taken, 0.0)
    return bad, tried


def _spread(bad: Floats, tried: Floats) -> Floats:
    """Of the hours' counts around their mean, in a coin's variances (method of moments), drawn towards that of all edges.

    Bursts of so many at once spread 5 minutes as they spread an hour; a share that drifts spreads an hour more: to the safe side.
    """
    default = by_signal("spread")[:, :, 0]
    kept = ~_odd(bad, tried)
    own, free = _variance(bad, tried, kept)
    others, known = _variance(bad, tried, kept | _BURSTS)
    of_all = (_PEERS * default[:, 0] + (np.minimum(others, _PEER_LIMIT) * known).sum(axis=1)) / (_PEERS + known.sum(axis=1))
    peers = np.where(_BURSTS[:, :, 0], _BURST_PEERS, _PEERS)
    return np.asarray(np.maximum(1.0, (peers * of_all[:, None] + own * free) / (peers + free)), np.float64)


def _variance(bad: Floats, tried: Floats, kept: Bools) -> tuple[Floats, Floats]:
    """In a coin's variances, and of how many hours it is known: of fewer where few were bad, one burst of which would seem to be all."""
    sums_bad, sums_tried = ((part * kept).sum(axis=2) for part in (bad, tried))
    share = np.divide(sums_bad, sums_tried, out=np.zeros_like(sums_bad), where=sums_tried > 0)[:, :, None]
    hours = (kept & (tried > 0)).sum(axis=2)
    free = np.where(sums_bad > 0, np.maximum(hours - 1.0, 0.0), 0.0)
    told = free * np.minimum(sums_bad / _ENOUGH_BAD, 1.0)
    squares = (kept * (bad - tried * share) ** 2).sum(axis=2)
    coin = (kept * tried * share * (1 - share)).sum(axis=2) * np.divide(free, hours, out=np.zeros_like(free), where=hours > 0)
    return np.divide(squares, coin, out=np.zeros_like(squares), where=coin > 0), told


def _lowest(past: Past, days: Ints, weeks: Ints) -> tuple[Floats, Floats]:
    """`Usual.lowest` and `expected`. Of hours before an edge was first seen nothing is made; nor of the lowest of three or more, which may
    be that of an outage.
    """
    tried = past.tried[0]
    if not tried.size:
        return np.zeros(len(tried)), np.zeros(len(tried))
    born = np.where(tried.any(axis=1), (tried > 0).argmax(axis=1), tried.shape[1])
    found = np.zeros(len(tried))
    for hours in (days, weeks):
        if len(hours) < _WEEKS:
            continue
        lived = np.where(hours[None, :] >= born[:, None], tried[:, hours], np.inf)
        lived.sort(axis=1)
        count = np.isfinite(lived).sum(axis=1)
        at = np.where(count > _WEEKS, 1, 0)
        low = np.take_along_axis(lived, at[:, None], axis=1)[:, 0]
        found = np.where(count >= _WEEKS, np.where(np.isfinite(low), low, 0.0), found)
    found *= STEP_S / 3_600
    has_lived = (weeks[None, :] >= born[:, None]).any(axis=1)
    return found, np.where(has_lived, found, _UNSEEN_DAY * found)
