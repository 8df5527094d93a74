"""A map that can be read: ends folded into groups until the shapes are no more than a limit, and edges whose sums are the whole.

Nothing is left out: what does not fit is one shape, the rest, and one edge, that of all edges too small to be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.insights.ends import End, Fold, end_of, group_of

EDGE_LIMIT = 200
REST = End("r:", "the rest", "rest", "")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Folded:
    """`nodes`: key, label, kind, group (key of the open group it stands in, or empty), members, term, and each sum over its edges.

    `edges`: source and target (rows of nodes), pairs, and the sums. `rest`: one row, the pairs and sums of all other edges.
    """

    nodes: pa.Table
    edges: pa.Table
    rest: pa.Table
    fold: Fold


def fold(pairs: pa.Table, sums: Sequence[str], mode: Fold, opened: frozenset[str], limit: int) -> Folded:
    """`pairs`: client, server, domain, reason, with zones where folded by zone, and uint64 `sums`, of which the first is the weight."""
    ends, client, server = _ends(pairs)
    zones = _zones(pairs, len(ends), client, server) if mode == "zone" else [""] * len(ends)
    used: Fold = mode
    if mode == "auto":
        used = "none" if len(ends) <= limit else "prefix"
    groups = [group_of(end, zone, used) for end, zone in zip(ends, zones, strict=True)]
    values = {name: pairs.column(name).to_numpy() for name in sums}
    weight = _by_end(values[sums[0]], client, server, len(ends))
    shapes, place, inside = _shapes(ends, groups, weight, opened, limit)
    return _draw(shapes, place, inside, client, server, values, used)


def _ends(pairs: pa.Table) -> tuple[list[End], Ints, Ints]:
    """The ends, and for each pair which of them is its client and its server."""
    number: dict[str, int] = {}
    ends: list[End] = []

    def place(end: End) -> int:
        if end.key not in number:
            number[end.key] = len(ends)
            ends.append(end)
        return number[end.key]

    columns = (pairs.column(name).to_pylist() for name in ("client", "server", "domain", "reason"))
    found = [
        (place(end_of(client, "", reason)), place(end_of(server, domain, reason)))
        for client, server, domain, reason in zip(*columns, strict=True)
    ]
    both = np.array(found, np.int64).reshape(-1, 2)
    return ends, both[:, 0], both[:, 1]


def _zones(pairs: pa.Table, count: int, client: Ints, server: Ints) -> list[str]:
    """The zone in which each end was seen last in the table; a workload of several zones stands in one of them."""
    zones = [""] * count
    for numbers, name in ((client, "client_zone"), (server, "server_zone")):
        for number, zone in zip(numbers.tolist(), pairs.column(name).to_pylist(), strict=True):
            zones[number] = zones[number] or zone
    return zones


def _by_end(values: NDArray[np.uint64], client: Ints, server: Ints, count: int) -> NDArray[np.uint64]:
    total = np.zeros(count, np.uint64)
    np.add.at(total, client, values)
    np.add.at(total, server[client != server], values[client != server])
    return total


def _shapes(
    ends: list[End], groups: list[End], weight: NDArray[np.uint64], opened: frozenset[str], limit: int
) -> tuple[list[End], Ints, list[str]]:
    """What is drawn, which of it each end is a part of, and for each shape the open group that it stands in."""
    shown = [end if group.key in opened else group for end, group in zip(ends, groups, strict=True)]
    within = [group.key if group.key in opened and group.key != end.key else "" for end, group in zip(ends, groups, strict=True)]
    sums: dict[str, int] = {}
    for shape, own in zip(shown, weight.tolist(), strict=True):
        sums[shape.key] = sums.get(shape.key, 0) + own
    ranked = sorted(sums, key=lambda key: (-sums[key], key))
    kept = set(ranked if len(ranked) <= limit else ranked[: limit - 1])
    number: dict[str, int] = {}
    shapes: list[End] = []
    inside: list[str] = []
    place = np.zeros(len(ends), np.int64)
    for at, (shape, group) in enumerate(zip(shown, within, strict=True)):
        one, group = (shape, group) if shape.key in kept else (REST, "")
        if one.key not in number:
            number[one.key] = len(shapes)
            shapes.append(one)
            inside.append(group)
        place[at] = number[one.key]
    return shapes, place, inside


def _draw(
    shapes: list[End], place: Ints, inside: list[str], client: Ints, server: Ints, values: dict[str, NDArray[np.uint64]], used: Fold
) -> Folded:
    source, target = place[client], place[server]
    joined = source * max(1, len(shapes)) + target
    keys, edge = np.unique(joined, return_inverse=True)
    sums = {name: _added(column, edge, len(keys)) for name, column in values.items()}
    pairs = np.bincount(edge, minlength=len(keys)).astype(np.uint64)
    weight = next(iter(sums.values())) if sums else pairs
    order = np.lexsort((keys, -weight.astype(np.float64)))
    drawn, left = np.sort(order[:EDGE_LIMIT]), order[EDGE_LIMIT:]
    totals = {name: _by_end(column, source, target, len(shapes)) for name, column in values.items()}
    nodes = pa.table(
        {
            **{name: [getattr(shape, name) for shape in shapes] for name in ("key", "label", "kind", "term")},
            "group": inside,
            "members": np.bincount(place, minlength=len(shapes)).astype(np.int64),
            **totals,
        }
    )
    edges = pa.table(
        {
            "source": keys[drawn] // max(1, len(shapes)),
            "target": keys[drawn] % max(1, len(shapes)),
            "pairs": pairs[drawn],
            **{name: column[drawn] for name, column in sums.items()},
        }
    )
    rest = pa.table({"edges": [len(left)], "pairs": [pairs[left].sum()], **{name: [column[left].sum()] for name, column in sums.items()}})
    return Folded(nodes, edges, rest, used)


def _added(values: NDArray[np.uint64], edge: Ints, count: int) -> NDArray[np.uint64]:
    total = np.zeros(count, np.uint64)
    np.add.at(total, edge, values)
    return total
