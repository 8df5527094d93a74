"""A set of instants as few half-open spans: which windows are complete, for months, in a line or two."""

from __future__ import annotations

from bisect import bisect_right


class IntervalSet:
    """Sorted and disjoint; spans that touch are one."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def __contains__(self, instant: int) -> bool:
        at = bisect_right(self._starts, instant) - 1
        return at >= 0 and instant < self._ends[at]

    def add(self, start: int, end: int) -> None:
        low = bisect_right(self._starts, start)
        if low and self._ends[low - 1] >= start:
            low -= 1
            start = self._starts[low]
        high = bisect_right(self._starts, end)
        end = max([end, *self._ends[low:high]])
        self._starts[low:high], self._ends[low:high] = [start], [end]
