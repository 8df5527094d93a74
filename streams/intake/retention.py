"""Offsets that are missing before or between messages: which of them Kafka's retention dropped before they were read.

An offset may also be missing because it holds the end of a transaction, or a message of an aborted one. Only what stands before the
partition's earliest offset was dropped.

What was dropped is a block without messages. It is decided, told and committed like any other block, by one rule: of a pending block
of which Kafka has no message left, each offset is a lost message unless the tables hold a row that came of it. Two cases lead there:
  - before the first message of a new block: the dropped offsets are decided as a pending block;
  - within a pending block: what is left of it is applied under its decided name, so that nothing of it is doubled; its beginning, as
    far as messages were dropped, becomes the pending block, and the committed offset stands behind the whole block already.
A pending block of which everything was dropped is such a block as it is.
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

    @property
    def boundaries(self) -> tuple[int, int]:
        """First and last offset."""
        return self.first, self.until - 1


def gaps(position: int | None, offsets: Sequence[int]) -> list[OffsetGap]:
    """Gaps before each of the offsets, which ascend. `position`: what was to come first; None: not known."""
    before = [offsets[0] if position is None else position, *(offset + 1 for offset in offsets[:-1])] if offsets else []
    return [OffsetGap(first, until) for first, until in zip(before, offsets, strict=True) if first < until]


def dropped(found: Sequence[OffsetGap], earliest: int) -> OffsetGap | None:
    """The first gap that retention made, as far as it did. `earliest`: the partition's earliest offset, asked after the gap was seen."""
    return next((OffsetGap(gap.first, min(gap.until, earliest)) for gap in found if gap.first < earliest), None)
