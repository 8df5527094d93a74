"""Which silences of an owner are nothing but lost heartbeats.

What a node said of an owner stops and goes on again. Either the heartbeats in between were lost, or the owner left and
came back. It is taken for a loss only if all of this holds:

- one node said both ends of the silence: an owner that is elsewhere next has left, whatever its name is now;
- it begins and ends where windows do, to within a fraction of a window, because agents look a little after it: an owner
  that leaves or comes does so at any time, and its node says when;
- it is no longer than the gap limit;
- the owner was there for a whole window before it and for one after it, or that node's flows show it there in between: who
  comes and goes faster than that may well have done so;
- nobody else is known to have had the address in it, or to have left or come just as it began or ended: not by
  heartbeats, not by the flows of a node that counted some other workload there (the flows of a window often arrive though
  its heartbeat did not), not by an event.

What remains is an owner that leaves an address and gets it back on the same node, at a window's ends, while every sign of
who had it in between was lost as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from streams.columns.sorting import repeated
from streams.ownership.asof import bisect
from streams.ownership.intervals import OwnedIntervals, Timeline, claims, flatten

LOOKS = 40
"""A look at what is held comes at most a window's 40th part after the window's end; what is later is no window's end."""


def bridge_gaps(said: OwnedIntervals, signs: OwnedIntervals, gap_us: int, window_us: int) -> OwnedIntervals:
    """`said` (as `union` leaves it) and the silences in it that belong to their owners. `signs`: flows and events, which name nobody."""
    again = said.rows(repeated(said.address << 32 | said.owner.astype(np.int64)))
    order = np.lexsort((again.start_us, again.node, again.owner, again.address))
    before, after = again.rows(order[:-1]), again.rows(order[1:])
    silent = (before.address == after.address) & (before.owner == after.owner) & (before.node == after.node)
    silent &= (after.start_us - before.end_us <= gap_us) & _window_ends(before.end_us, window_us) & _window_ends(after.start_us, window_us)
    if not silent.any():
        return said
    lost = before.rows(silent)._replace(start_us=before.end_us[silent], end_us=after.start_us[silent])
    whole_us = window_us - window_us // LOOKS
    settled = (before.end_us - before.start_us >= whole_us) & (after.end_us - after.start_us >= whole_us)
    lost = lost.rows(settled[silent] | _witnessed(lost, signs))
    reach = lost._replace(start_us=lost.start_us - window_us // LOOKS - 1, end_us=lost.end_us + window_us // LOOKS + 1)
    return said.concat(lost.rows(_undisputed(reach, flatten(said.concat(signs)))))


def _witnessed(silence: OwnedIntervals, signs: OwnedIntervals) -> NDArray[np.bool_]:
    """Rows in whose time the same node saw the same owner at the address."""
    if not len(signs.address):
        return np.zeros(len(silence.address), np.bool_)
    both = silence.concat(signs)
    claim = claims(both)
    ours, theirs = claim[: len(silence.address)], claim[len(silence.address) :]
    seen = flatten(signs._replace(address=theirs, owner=np.zeros_like(signs.owner)))
    low, high = np.searchsorted(seen.address, ours, "left"), np.searchsorted(seen.address, ours, "right")
    met: NDArray[np.bool_] = bisect(seen.end_us, low, high, silence.start_us) < bisect(seen.start_us, low, high, silence.end_us - 1)
    return met


def _window_ends(instant_us: I64, window_us: int) -> NDArray[np.bool_]:
    ends: NDArray[np.bool_] = instant_us % window_us <= window_us // LOOKS
    return ends


def _undisputed(silence: OwnedIntervals, known: Timeline) -> NDArray[np.bool_]:
    """Rows in whose time nobody but their owner is known."""
    low, high = np.searchsorted(known.address, silence.address, "left"), np.searchsorted(known.address, silence.address, "right")
    first = bisect(known.end_us, low, high, silence.start_us)
    last = bisect(known.start_us, low, high, silence.end_us - 1) - 1
    empty = last < first
    turns = np.append(0, np.cumsum(known.owner[1:] != known.owner[:-1]))
    within = np.minimum(first, len(turns) - 1)
    alone: NDArray[np.bool_] = empty | (turns[last] == turns[within]) & (known.owner[within] == silence.owner)
    return alone
