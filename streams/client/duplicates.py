"""Which messages of weir.attributed are repeats: the rule, and the little that has to be remembered for it.

What workers promise (streams/processor.py, schemas/wire/attributed.py):
  1. A message tells by its headers which block of which source partition it is of (`weir-source`, `weir-topic-id`), and which
     part of how many (`weir-part`).
  2. Blocks of a source partition follow one another: all parts of one are acknowledged before the next is even decided.
  3. A block that is published again, by the same worker, its successor, or one that slept through both, has the same
     boundaries, and the same flows in the same part in the same partition. Only remote names may be others: both are right.
So within one partition of weir.attributed, of each source partition: a part of a block that ends later is new, a part of the same
block is new unless it was seen, and a part of any other block is a repeat, because all of it had been there before the later one.

Outside of that stands what people do: a topic that is given more partitions while a block is pending, and a group that is set back
by hand. Its workers publish only what no table had; of that, what lies behind the newest block is taken for a repeat here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import orjson

from schemas.errors import Unreadable, WeirError
from schemas.headers import PART, SOURCE, TOPIC_ID

REMEMBERED_SOURCES = 4_096
"""Source partitions remembered for one partition; the one that was silent for longest goes first."""


@dataclass(frozen=True)
class Part:
    """What the headers of a message say: part `number` of `of` (from 1) of the block from offset `first` to `last` of `source`."""

    source: str  # topic:partition, and @ with Kafka's id of the topic where there is one
    first: int
    last: int
    number: int
    of: int


def part_of(headers: Iterable[tuple[str, bytes | None]]) -> Part:
    """Raises Unreadable where they are not those of a worker."""
    said = {name: (value or b"").decode("utf-8", "backslashreplace") for name, value in headers}
    topic_partition, _, offsets = said.get(SOURCE, "").rpartition(":")
    numbers = (*offsets.split("-"), *said.get(PART, "").split("/"))
    if not topic_partition or len(numbers) != 4 or not all(number.isascii() and number.isdecimal() for number in numbers):
        raise Unreadable(f"A message is of no worker: its headers are {said}, and {SOURCE} or {PART} is missing or broken.")
    first, last, number, of = map(int, numbers)
    if first > last or not 1 <= number <= of:
        raise Unreadable(f"A message claims to be part {number} of {of} of the offsets {first} to {last}: no worker writes that.")
    topic_id = said.get(TOPIC_ID, "")
    return Part(f"{topic_partition}@{topic_id}" if topic_id else topic_partition, first, last, number, of)


@dataclass(frozen=True)
class _Block:
    first: int
    last: int
    parts: int  # bit n: part n + 1 was seen


class DeliveryState:
    """What has been taken of one partition of weir.attributed: where to read on, and the newest block of each source partition.

    `text` is all of it, some dozen bytes a source partition: to be stored together with the totals, in one transaction.
    """

    def __init__(self) -> None:
        self.next_offset: int | None = None  # None: nothing yet
        self._blocks: dict[str, _Block] = {}

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `text` wrote; empty: nothing was seen. Raises WeirError for anything else."""
        seen = cls()
        if text:
            try:
                stored = orjson.loads(text)
                seen.next_offset = int(stored["next"])
                seen._blocks = {source: _Block(int(a), int(b), int(parts, 16)) for source, (a, b, parts) in stored["blocks"].items()}
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise WeirError(
                    f"The stored state {text[:80]!r} is none of a consumer of weir.attributed ({error}): restore it."
                ) from error
        return seen

    @property
    def text(self) -> str:
        if self.next_offset is None:
            return ""
        blocks = {source: (block.first, block.last, f"{block.parts:x}") for source, block in self._blocks.items()}
        return orjson.dumps({"next": self.next_offset, "blocks": blocks}).decode()

    def take(self, offset: int, part: Part) -> bool:
        """Whether the message at `offset` counts: False for a repeat. Afterwards it has been taken, either way."""
        if self.next_offset is not None and offset < self.next_offset:
            return False
        self.next_offset = offset + 1
        block, bit = self._blocks.pop(part.source, None), 1 << (part.number - 1)
        if block is None or part.last > block.last:
            new, block = True, _Block(part.first, part.last, bit)
        else:
            new = (part.first, part.last) == (block.first, block.last) and not block.parts & bit
            block = _Block(block.first, block.last, block.parts | bit) if new else block
        self._blocks[part.source] = block  # the dict's order is that of the last word
        if len(self._blocks) > REMEMBERED_SOURCES:
            del self._blocks[next(iter(self._blocks))]
        return new
