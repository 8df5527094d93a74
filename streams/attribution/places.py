"""Where remote ends are: the node behind a name, and its zone and region as of the flow's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32
from streams.attribution.attribute import Attribution
from streams.columns.strings import StringTable
from streams.ownership.asof import REACH, bisect
from streams.ownership.map import OwnershipMap

TEXT_BYTES = 128
"""Longer names of nodes, zones and regions are left out: a downstream message has room for so much."""


class Column(NamedTuple):
    """Texts by rows, as `streams.columns.arrow.names` takes them."""

    numbers: NDArray[np.int64]
    texts: Sequence[str]


class Places(NamedTuple):
    """A row for each flow; an empty text: not known."""

    node: Column
    zone: Column
    region: Column


def of(known: OwnershipMap, named: Attribution, first_us: I64, last_us: I64) -> Places:
    """Zone and region are those that the node had from the flow's first packet to its last, whatever clocks say within the skew."""
    nodes, of_node = _nodes(known, named.node)
    pieces, counts, zones, regions = _timelines(known, nodes)
    start_us, zone, region = pieces
    low = (np.cumsum(counts) - counts)[of_node]
    high = low + counts[of_node]
    skew_us = known.skew_us
    earlier = bisect(start_us, low, high, np.minimum(first_us, last_us) - skew_us) - 1
    later = bisect(start_us, low, high, np.maximum(first_us, last_us) + skew_us) - 1
    sure = (earlier >= low) & (later <= earlier + 1)
    earlier, later = (np.where(sure, piece, -1) for piece in (earlier, later))  # the last piece is of nobody, and not known
    columns = (
        Column(np.where(part[earlier] == part[later], part[earlier], 0), texts) for part, texts in ((zone, zones), (region, regions))
    )
    return Places(Column(of_node, list(map(_bounded, nodes))), *columns)


def with_own(places: Places, rows: NDArray[np.bool_], names: Sequence[str], node: U32, zone: U32, region: U32) -> Places:
    """Remote ends of `rows` are on the reporting node itself, which `node`, `zone` and `region` (a row each, by `names`) name."""
    if not rows.any():
        return places
    texts = [*map(_bounded, names)]
    columns = (
        Column(np.where(rows, own + len(there.texts), there.numbers), [*there.texts, *texts])
        for there, own in zip(places, (node, zone, region), strict=True)
    )
    return Places(*columns)


def _nodes(known: OwnershipMap, node: U32) -> tuple[list[str], I64]:
    """Names of the nodes that occur, the first of which is empty and stands for none; and for each row which of them it is."""
    texts = known.names.texts
    place = np.minimum(node, len(texts))  # NOBODY is the last
    seen = np.zeros(len(texts) + 1, np.bool_)
    seen[place] = True
    used = np.flatnonzero(seen[:-1])
    code = np.zeros(len(texts) + 1, np.int64)
    code[used] = np.arange(1, len(used) + 1)
    return ["", *(texts[number] for number in used.tolist())], code[place]


def _timelines(known: OwnershipMap, nodes: Sequence[str]) -> tuple[tuple[I64, I64, I64], I64, list[str], list[str]]:
    """Pieces of all nodes, one node after the other, and a last one that is of none: start, zone, region; how many each node has; and the
    texts of zones and regions.
    """
    zones, regions = StringTable([""]), StringTable([""])
    rows: list[tuple[int, int, int]] = []
    counts = np.zeros(len(nodes), np.int64)
    for number, node in enumerate(nodes):
        for at, piece in enumerate(known.places.timeline(node)):
            # A node's first window begins where it was first heard, not where it came: as with the ranges of its addresses.
            start_us = piece.start_us if at else piece.start_us - REACH * known.skew_us
            rows.append((start_us, zones.number(_bounded(piece.zone)), regions.number(_bounded(piece.region))))
            counts[number] += 1
    start_us, zone, region = np.array([*rows, (0, 0, 0)], np.int64).T
    return (np.ascontiguousarray(start_us), zone, region), counts, zones.texts, regions.texts


def _bounded(text: str) -> str:
    return text if len(text) <= TEXT_BYTES // 4 or len(text.encode()) <= TEXT_BYTES else ""
