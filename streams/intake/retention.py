"""Offsets that are missing before or between messages: which of them Kafka's retention dropped before they were read.

An offset may also be missing because it holds the end of a transaction, or a message of an aborted one. Only what stands before the
partition's earliest offset is gone; where the earliest offset lies within a gap, the whole gap counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OffsetGap:
    """Offsets from `first` on and before `until`, of which no message came."""

    first: int
    until: int

    @property
    def messages(self) -> int:
        """At most so many: an offset need not be a message."""
        return self.until - self.first


def gaps(position: int | None, offsets: Sequence[int]) -> list[OffsetGap]:
    """Gaps before each of the offsets, which ascend. `position`: what was to come first; None: not known."""
    before = [offsets[0] if position is None else position, *(offset + 1 for offset in offsets[:-1])] if offsets else []
    return [OffsetGap(first, until) for first, until in zip(before, offsets, strict=True) if first < until]


def dropped(found: Sequence[OffsetGap], earliest: int) -> OffsetGap | None:
    """The first gap that retention made. `earliest`: the partition's earliest offset, asked after the gap was seen."""
    return next((gap for gap in found if gap.first < earliest), None)
