"""Records of `weir.ownership` that tell of many addresses at once: what changed (OwnershipChanges), what went on (OwnershipLeases).

A slice is what the batches of one index say of a node's addresses, window after window. Its holdings, (address, port, protocol, workload)
each, have a state: 128 bits, the sum of their hashes, which only this set has. What a message says of a state is true of the set that has
it, in whatever order messages are heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any

import numpy as np

from schemas.arrays import I64, U8, U16, U32, U64

SAID, HELD, LEFT, SEEN = 0, 1, 2, 3
"""What a range is of its slice: none of its holdings; one that it has from now on; one that it had until now; and no heartbeat at all, but
the flows of a node. Whatever it is, the range itself is said.
"""
NO_SLICE = 0xFFFFFFFF


@dataclass(frozen=True)
class SliceColumns:
    """k slices whose holdings changed. `node` and `network` index the message's names.

    All of `before` were held from `since_us` to `until_us`, and those of them that did not leave until `after_until_us`; all of `after`
    from `after_since_us` to `after_until_us`. `whole`: the ranges that follow have all holdings, whatever was there before.
    """

    node: U32
    network: U32
    part: U32  # index of the batches
    whole: U8
    before: U64  # (k, 2)
    since_us: I64
    until_us: I64
    after: U64  # (k, 2)
    after_since_us: I64
    after_until_us: I64

    def __len__(self) -> int:
        return len(self.node)


@dataclass(frozen=True)
class RangeColumns:
    """n ranges: the workload held the address (or listened on its port) from start to end, as the node says.

    `of`: the position of the slice, NO_SLICE for SAID and SEEN. `node`, `network`, `workload` index the message's names.
    """

    of: U32
    kind: U8
    node: U32
    network: U32
    workload: U32
    ip: U8  # (n, 16)
    port: U16
    protocol: U8
    start_us: I64
    end_us: I64

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True)
class OwnershipChanges:
    names: tuple[str, ...]
    slices: SliceColumns
    ranges: RangeColumns


def joined_changes(told: Sequence[OwnershipChanges]) -> OwnershipChanges:
    """What several messages say, in one: names as often as they have them."""
    if len(told) == 1:
        return told[0]
    first_name = [0, *accumulate(len(one.names) for one in told)]
    first_slice = [0, *accumulate(len(one.slices) for one in told)]

    def joined(columns: Sequence[SliceColumns] | Sequence[RangeColumns], name: str) -> Any:
        parts = [getattr(some, name) for some in columns]
        if name in ("node", "network", "workload"):
            parts = [part + np.uint32(first) for part, first in zip(parts, first_name, strict=False)]
        elif name == "of":
            parts = [np.where(part == NO_SLICE, part, part + np.uint32(first)) for part, first in zip(parts, first_slice, strict=False)]
        return np.concatenate(parts)

    slices, ranges = [one.slices for one in told], [one.ranges for one in told]
    return OwnershipChanges(
        tuple(name for one in told for name in one.names),
        SliceColumns(*(joined(slices, field.name) for field in fields(SliceColumns))),
        RangeColumns(*(joined(ranges, field.name) for field in fields(RangeColumns))),
    )


@dataclass(frozen=True)
class OwnershipLeases:
    """k slices that went on: all holdings of `state` were held from `since_us` to `until_us`."""

    names: tuple[str, ...]
    node: U32
    network: U32
    part: U32
    state: U64  # (k, 2)
    since_us: I64
    until_us: I64

    def __len__(self) -> int:
        return len(self.node)


SLICE_DTYPES: dict[str, np.dtype[Any]] = {
    **dict.fromkeys(("node", "network", "part"), np.dtype("<u4")),
    "whole": np.dtype("u1"),
    **dict.fromkeys(("before", "after"), np.dtype("<u8")),
    **dict.fromkeys(("since_us", "until_us", "after_since_us", "after_until_us"), np.dtype("<i8")),
}
RANGE_DTYPES: dict[str, np.dtype[Any]] = {
    **dict.fromkeys(("of", "node", "network", "workload"), np.dtype("<u4")),
    **dict.fromkeys(("kind", "protocol", "ip"), np.dtype("u1")),
    "port": np.dtype("<u2"),
    **dict.fromkeys(("start_us", "end_us"), np.dtype("<i8")),
}
LEASE_DTYPES: dict[str, np.dtype[Any]] = {
    **dict.fromkeys(("node", "network", "part"), np.dtype("<u4")),
    "state": np.dtype("<u8"),
    **dict.fromkeys(("since_us", "until_us"), np.dtype("<i8")),
}
WIDTHS = {"ip": 16, "before": 2, "after": 2, "state": 2}
"""Columns of several integers a row."""
