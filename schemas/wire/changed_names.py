"""The names of a batch, read by what differs from those that the same slice listed before.

1. A name is looked for among those before, by its bytes, behind the last one found.
2. Where it is found, one comparison of bytes tells how many more follow it in both lists. They are the same objects as before.
3. Where it is not found, it is new: it alone is decoded. One that is missing is passed over when the next is found.

A name is taken from before only where its bytes, its length among them, are the same: the search decides what it costs, not what is read.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from schemas.arrays import U8
from schemas.names import NAME_BYTES
from schemas.wire.avro_lengths import read_length, varint

_STEPS = 64
"""At most. Each may look at all bytes of the names before, and a sender chooses how many steps there are."""
_FIRST_STEPS = 3
_STEP_NAMES = 10
"""A step costs what fastavro takes for some names: where steps bring fewer than these, after the first ones, it has the list."""
_SIZES = tuple(size + len(varint(size)) for size in range(NAME_BYTES + 1))
"""Bytes of a name on the wire, by its bytes of UTF-8."""


class ChangedNames(NamedTuple):
    """`new`: those of them that were not found among those before, in their order. `size`: bytes of the list on the wire."""

    names: tuple[str, ...]
    new: tuple[str, ...]
    size: int


def changed_names(listed: bytes, before: bytes, names_before: tuple[str, ...]) -> ChangedNames | None:
    """The list of names at the beginning of `listed`. `before`: the bytes of `names_before`, all of which have passed check_names.

    None: the lists have little in common, or one of them is not laid out as encode_batch does it: fastavro's to read, or to refuse.
    """
    try:
        return _changed_names(listed, before, names_before)
    except (IndexError, ValueError):
        return None


def _changed_names(listed: bytes, before: bytes, names_before: tuple[str, ...]) -> ChangedNames | None:
    starts = _starts(before, names_before)
    count, at = read_length(listed, 0)
    if starts is None or not count:
        return None
    bytes_now, bytes_before = np.frombuffer(listed, np.uint8), np.frombuffer(before, np.uint8)
    names: list[str] = []
    new: list[str] = []
    passed = 0  # names before up to here are behind
    steps = 0
    while len(names) < count:
        size, text = read_length(listed, at)
        end = text + size
        if end > len(listed) or steps > min(_STEPS, _FIRST_STEPS + len(names) // _STEP_NAMES):
            return None
        steps += 1
        place = before.find(listed[at:end], starts[passed])
        first = bisect_left(starts, place)
        if place == starts[first] < starts[-1]:
            alike = _alike(bytes_now[at:], bytes_before[place:])
            passed = min(bisect_right(starts, place + alike) - 1, first + count - len(names))
            names += names_before[first:passed]
            at += starts[passed] - place
        else:
            new.append(sys.intern(str(listed[text:end], "utf-8")))
            names.append(new[-1])
            at = end
    return ChangedNames(tuple(names), tuple(new), at + 1) if listed[at] == 0 else None


def _starts(listed: bytes, names: tuple[str, ...]) -> list[int] | None:
    """Where each name begins, and where the last one ends. None: other lengths, or more of them, stand between the names."""
    _, first = read_length(listed, 0)
    sizes = map(len, names if listed[first:].isascii() else map(str.encode, names))
    starts = [*accumulate(map(_SIZES.__getitem__, sizes), initial=first)]
    return starts if starts[-1] + 1 == len(listed) else None


def _alike(one: U8, other: U8) -> int:
    """How many bytes at the beginning of both are the same."""
    size = min(len(one), len(other))
    differ = one[:size] != other[:size]
    first = int(differ.argmax())
    return first if differ[first] else size
