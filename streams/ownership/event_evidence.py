"""What events said of addresses: which event stands at which address, and what follows of it beside heartbeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from schemas.arrays import I64
from schemas.instants import FOREVER_US
from streams.ownership.intervals import OwnedIntervals
from streams.ownership.ip_events import Event, Held, Sign, ranges_of_events


class EventEvidence:
    """Events by the numbers of their addresses. `said_of`: what heartbeats say of some addresses. `limit_us`: see `ranges_of_events`."""

    def __init__(self, said_of: Callable[[I64], OwnedIntervals], limit_us: int) -> None:
        self._said_of = said_of
        self._limit_us = limit_us
        self._known: dict[int, set[Event]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def addresses(self) -> I64:
        """Those that events speak of, ascending."""
        return np.array(sorted(self._known), np.int64)

    def add(self, events: Iterable[tuple[int, Event]]) -> I64:
        """Events, each with the number of its address. Returns the addresses of which one is new."""
        changed: set[int] = set()
        for address, event in events:
            known = self._known.setdefault(address, set())
            if event not in known:
                known.add(event)
                changed.add(address)
        return np.array(sorted(changed), np.int64)

    def of(self, address: int) -> list[Event]:
        """By time."""
        return sorted(self._known.get(address, ()), key=lambda event: event[:2])

    def among(self, addresses: I64) -> list[int]:
        """Those that events speak of, in the same order."""
        return [number for number in addresses.tolist() if number in self._known] if self._known else []

    def contradict(self, address: int, owner: int, start_us: int) -> bool:
        """Whether an event gave the address to another since then: it is believed until the owner has been heard for long enough."""
        return any(event.assigned and event.owner != owner and event.at_us >= start_us for event in self._known.get(address, ()))

    def ranges(self, address: int) -> list[Held]:
        """What events say of it, and of its heartbeats whatever ends a range without an event."""
        said = self._said_of(np.array([address]))
        signs = map(Sign, said.start_us.tolist(), said.end_us.tolist(), said.owner.tolist())
        return ranges_of_events(self._known[address], signs, self._limit_us)

    def assignments(self, addresses: I64) -> OwnedIntervals:
        """Events say of an instant who got the address."""
        held = [(number, event.at_us, event.owner) for number in self.among(addresses) for event in self._known[number] if event.assigned]
        address, at_us, owner = np.array(held, np.int64).reshape(-1, 3).T
        return OwnedIntervals(address, owner.astype(np.uint32), np.zeros(len(owner), np.uint32), at_us, at_us + 1)

    def forget(self, before_us: int) -> Sequence[int]:
        """Keep events since then, and the ranges that reach beyond it as events: what ended them may be forgotten itself. Returns the
        addresses, ascending.
        """
        for number in self._known:
            kept = {event for event in self._known[number] if event.at_us >= before_us}
            for start_us, end_us, owner in self.ranges(number):
                if end_us > before_us:
                    kept.add(Event(start_us, True, owner))
                    kept |= {Event(end_us, False, owner)} if end_us < FOREVER_US else set()
            self._known[number] = kept
        return sorted(self._known)
