"""Where a node was: records of weir.ownership, told by the worker that reads the node's batches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodePlace:
    """The node was in the zone, as it says, in a window that began at `since_us`, and in one that ended at `until_us`: half-open."""

    node_id: str
    region: str
    zone: str
    since_us: int
    until_us: int
