"""Assigned and unassigned events of addresses without an agent, and the ranges that follow from them.

The ranges are a function of the set of events and of what heartbeats said of the same address: order and repetition of
the events make no difference.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from schemas.instants import FOREVER_US


class Event(NamedTuple):
    """Sorts by time, ends before beginnings. `owner` is a name's number; None ends whatever holds the address."""

    at_us: int
    assigned: bool
    owner: int | None


class Sign(NamedTuple):
    """A heartbeat's word that `owner` held the address."""

    start_us: int
    end_us: int
    owner: int


Held = tuple[int, int, int]
"""start_us, end_us, owner."""


def ranges_of_events(events: Iterable[Event], signs: Iterable[Sign], limit_us: int) -> list[Held]:
    """Sorted ranges. An assignment ends with its own end, but is trusted no longer than `limit_us` past the next sign of
    another owner; one whose end was lost ends with that sign; one without either has no end (FOREVER_US).
    """
    known = sorted(events, key=_order)
    starts = [(event.at_us, event.owner) for event in known if event.assigned and event.owner is not None]
    for sign in signs:  # a heartbeat that goes on for more than the limit after an assignment contradicts it too
        starts += [(sign.start_us, sign.owner), (max(sign.start_us, sign.end_us - limit_us), sign.owner)]
    owners = {event.owner for event in known if event.assigned and event.owner is not None}
    held: list[Held] = []
    for owner in owners:
        others = sorted(at_us for at_us, other in starts if other != owner)
        held += _ranges_of_owner(owner, [event for event in known if event.owner in (owner, None)], others, limit_us)
    return sorted(held)


def _ranges_of_owner(owner: int, events: list[Event], others: list[int], limit_us: int) -> list[Held]:
    held: list[Held] = []
    open_us: int | None = None
    for event in events:
        rival_us = _next(others, open_us)
        if open_us is not None and (not event.assigned or rival_us <= event.at_us):
            lost = event.assigned  # assigned anew after somebody else: the end in between never came
            held.append((open_us, rival_us if lost else min(event.at_us, rival_us + limit_us), owner))
            open_us = None
        if event.assigned and open_us is None:
            open_us = event.at_us
    if open_us is not None:
        held.append((open_us, _next(others, open_us), owner))
    return [(start_us, end_us, owner) for start_us, end_us, owner in held if start_us < end_us]


def _next(others: list[int], after_us: int | None) -> int:
    later = len(others) if after_us is None else bisect_right(others, after_us)
    return others[later] if later < len(others) else FOREVER_US


def _order(event: Event) -> tuple[int, bool, int]:
    return event.at_us, event.assigned, -1 if event.owner is None else event.owner
