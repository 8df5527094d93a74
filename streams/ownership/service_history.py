"""One service address: what each watcher stated of it, and the rule that makes one verdict of that."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from typing import NamedTuple

NOTHING, GAP, AMBIGUOUS, SHARED, NAMED = range(5)
"""Of a span of time: no service, as far as is told; nobody's word covers it; different services, or watchers that disagree; one service,
and no one workload; one service and one workload.
"""
_CACHED = 64

Watcher = tuple[str, str]
"""Network and name."""


class State(NamedTuple):
    """From `since_us` on, as `ServiceAddress` has it."""

    since_us: int
    service: str
    workloads: tuple[str, ...]


class Verdict(NamedTuple):
    """`service` where SHARED or NAMED; `workload` where NAMED."""

    state: int
    service: str = ""
    workload: str = ""


NOTHING_TOLD, _GAP, _AMBIGUOUS = Verdict(NOTHING), Verdict(GAP), Verdict(AMBIGUOUS)


class ServiceHistory:
    """`starts`: the instants at which any statement begins, sorted, each once."""

    __slots__ = ("_told", "_verdicts", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self._told: dict[Watcher, list[State]] = {}
        self._verdicts: dict[tuple[int, int, frozenset[Watcher]], Verdict] = {}

    @property
    def watchers(self) -> Collection[Watcher]:
        return self._told.keys()

    def states(self) -> Iterator[tuple[Watcher, State]]:
        return ((watcher, state) for watcher, states in self._told.items() for state in states)

    def ends(self) -> Iterator[int]:
        """The ends of the states that have one."""
        return (state.since_us for states in self._told.values() for state in states[1:])

    def add(self, watcher: Watcher, state: State) -> int:
        """How many statements are new: one, or none."""
        states = self._told.setdefault(watcher, [])
        at = bisect_left(states, state)
        if states[at : at + 1] == [state]:
            return 0
        states.insert(at, state)
        self._changed()
        return 1

    def forget(self, before_us: int, gone: Collection[Watcher]) -> int:
        """Drops what ended by then, an end of the service that is as old, and all of the watchers `gone`; how many statements."""
        dropped = 0
        for watcher, states in list(self._told.items()):
            kept = [] if watcher in gone else _kept(states, before_us)
            dropped += len(states) - len(kept)
            if len(kept) < len(states):
                self._told[watcher] = kept
        return self._dropped(dropped)

    def clear(self) -> int:
        """Drops everything; how many statements."""
        dropped = sum(map(len, self._told.values()))
        self._told = {}
        return self._dropped(dropped)

    def _dropped(self, statements: int) -> int:
        if statements:
            self._told = {watcher: states for watcher, states in self._told.items() if states}
            self._changed()
        return statements

    def _changed(self) -> None:
        self.starts = sorted({state.since_us for states in self._told.values() for state in states})
        self._verdicts.clear()

    def verdict(self, before: int, until: int, covering: frozenset[Watcher]) -> Verdict:
        """Of a span before whose first instant, inclusive, `before` of the `starts` lie, and `until` of them before its last one.

        `covering`: the watchers whose watermark holds all of the span.
        """
        case = before, until, covering
        found = self._verdicts.get(case)
        if found is None:
            if len(self._verdicts) >= _CACHED:
                self._verdicts.clear()
            found = self._verdicts[case] = self._judge(before, until, covering)
        return found

    def _judge(self, before: int, until: int, covering: frozenset[Watcher]) -> Verdict:
        first_us, last_us = (self.starts[count - 1] if count else None for count in (before, until))
        said = {_of_states(states, first_us, last_us) for watcher, states in self._told.items() if watcher in covering}
        if len(said) > 1:
            return _AMBIGUOUS
        if said:
            return said.pop()
        return _GAP if self._told else NOTHING_TOLD


def _of_states(states: list[State], first_us: int | None, last_us: int | None) -> Verdict:
    """One witness's word: of the state in force at the beginning, and of all that began later up to the end.

    Two states of one instant are both in force: which came last is not known.
    """
    begun_us = max((state.since_us for state in states if first_us is not None and state.since_us <= first_us), default=None)
    if begun_us is None or last_us is None:
        return _GAP
    known = [state for state in states if begun_us <= state.since_us <= last_us]
    service, *others = {state.service for state in known}
    if others:
        return _AMBIGUOUS
    if not service:
        return NOTHING_TOLD
    sets = {state.workloads for state in known}
    workload, *more = {name for names in sets for name in names} or ("",)
    alone = workload and not more and all(sets)
    return Verdict(NAMED, service, workload) if alone else Verdict(SHARED, service)


def _kept(states: list[State], before_us: int) -> list[State]:
    """Without those that ended by then. States of one instant end together."""
    in_force_us = max((state.since_us for state in states if state.since_us <= before_us), default=None)
    kept = states if in_force_us is None else [state for state in states if state.since_us >= in_force_us]
    return [] if all(not state.service and state.since_us <= before_us for state in kept) else kept
