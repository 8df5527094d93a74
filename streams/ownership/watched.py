"""Spans of time of which watchers have told everything: their watermarks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.arrays import I64
from streams.columns.sorting import numbered
from streams.ownership.service_history import Watcher

Span = tuple[int, int]
"""Both ends belong to it."""


class WatchedSpans:
    """By watcher disjoint spans, of which there is one unless a watcher itself leaves something out."""

    def __init__(self) -> None:
        self._spans: dict[Watcher, list[Span]] = {}

    def __contains__(self, watcher: Watcher) -> bool:
        return watcher in self._spans

    def learn(self, watcher: Watcher, since_us: int, until_us: int) -> None:
        if since_us > until_us:
            return
        apart: list[Span] = []
        for since, until in self._spans.get(watcher, ()):
            if since <= until_us and since_us <= until:
                since_us, until_us = min(since, since_us), max(until, until_us)
            else:
                apart.append((since, until))
        self._spans[watcher] = sorted([*apart, (since_us, until_us)])

    def forget(self, before_us: int) -> set[Watcher]:
        """Drop spans that ended before; the watchers of which none is left."""
        gone = set()
        for watcher, spans in list(self._spans.items()):
            kept = [span for span in spans if span[1] >= before_us]
            if kept:
                self._spans[watcher] = kept
            else:
                gone.add(watcher)
                del self._spans[watcher]
        return gone

    def spans(self) -> Iterator[tuple[Watcher, Span]]:
        return ((watcher, span) for watcher, spans in self._spans.items() for span in spans)

    def covering(self, first_us: I64, last_us: I64) -> tuple[I64, list[frozenset[Watcher]]]:
        """For n spans a number in the list of sets of those watchers whose own span holds all of it."""
        spans = list(self.spans())
        since, until = (np.array([span[end] for _, span in spans], np.int64) for end in (0, 1))
        points = np.sort(np.concatenate((since, until + 1)))
        after_first, after_last = (np.searchsorted(points, instant, side="right") for instant in (first_us, last_us))
        size = len(points) + 1
        cases, case = numbered(after_first * size + after_last, size * size)
        sets = []
        for first, last in zip(*(part.tolist() for part in np.divmod(cases, size)), strict=True):
            # A point lies at or before an instant if it is among those counted for it.
            begun = np.searchsorted(points, since, side="left") < first
            lasting = np.searchsorted(points, until + 1, side="left") >= last
            sets.append(frozenset(spans[at][0] for at in np.flatnonzero(begun & lasting).tolist()))
        return case, sets
