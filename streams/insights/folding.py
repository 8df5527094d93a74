"""A map that can be read: ends folded into groups until the shapes are no more than a limit, and edges whose sums are the whole.

Nothing is left out: what does not fit is one shape, the rest, and one edge, that of all edges too small to be drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.insights.ends import End, Fold, end_of, group_of

SHAPES, EDGE_LIMIT = 60, 200
"""With so many shapes a map has no more edges than this; with more shapes, more in proportion."""
REST = End("r:", "the rest", "rest")

Ints = NDArray[np.int64]
Weights = NDArray[np.uint64]


@dataclass(frozen=True)
class Folded:
    """`nodes`: key, label, kind, term, group (key of the open group it stands in, or empty), members, and each sum over its edges.

    `edges`: source and target (rows of nodes), pairs, and the sums. `rest`: one row, the edges, pairs and sums that are in none of these.
    """

    nodes: pa.Table
    edges: pa.Table
    rest: pa.Table
    fold: Fold


@dataclass(frozen=True)
class Asked:
    """`weight`: sums that, added, make an end or an edge large. `limit`: of shapes. `opened`: keys of groups that stand open."""

    mode: Fold
    opened: frozenset[str]
    limit: int
    weight: tuple[str, ...]

    @property
    def edge_limit(self) -> int:
        return max(EDGE_LIMIT, self.limit * EDGE_LIMIT // SHAPES)


def fold(pairs: pa.Table, sums: Sequence[str], asked: Asked, left_out: Mapping[str, int]) -> Folded:
    """`pairs`: client, server, domain, reason, with zones where folded by zone, and uint64 `sums`, in any order.

    `left_out`: `pairs` and sums of pairs that are not among these; they are a part of the rest.
    """
    values = {name: np.asarray(pairs.column(name).to_numpy(), np.uint64) for name in sums}
    heavy = np.asarray(sum((values[name] for name in asked.weight), np.zeros(pairs.num_rows, np.uint64)), np.uint64)
    ends, client, server = _ends(pairs)
    zones = _zones(pairs, heavy, len(ends), client, server) if asked.mode == "zone" else [""] * len(ends)
    used: Fold = asked.mode
    if used == "auto":
        used = "none" if len(ends) <= asked.limit else "prefix"
    groups = _groups(ends, zones, used)
    shapes, place, inside = _shapes(ends, groups, _by_end(heavy, client, server, len(ends)), asked)
    return _draw(shapes, place, inside, place[client], place[server], values, heavy, left_out, asked.edge_limit, used)


def _ends(pairs: pa.Table) -> tuple[list[End], Ints, Ints]:
    """The ends in the order of their keys, and for each pair which of them is its client and its server."""
    number: dict[tuple[str, str, str], int] = {}
    client, server, domain, reason = (pairs.column(name).to_pylist() for name in ("client", "server", "domain", "reason"))
    clients = [number.setdefault((name, "", "" if name else why), len(number)) for name, why in zip(client, reason, strict=True)]
    servers = [
        number.setdefault((name, "" if name else at, "" if name or at else why), len(number))
        for name, at, why in zip(server, domain, reason, strict=True)
    ]
    found = [end_of(*names) for names in number]
    order = sorted(range(len(found)), key=lambda at: found[at].key)
    moved = np.empty(len(found), np.int64)
    moved[order] = np.arange(len(found))
    return [found[at] for at in order], moved[np.array(clients, np.int64)], moved[np.array(servers, np.int64)]


def _zones(pairs: pa.Table, heavy: Weights, count: int, client: Ints, server: Ints) -> list[str]:
    """The zone in which each end has most of its weight: a workload of several zones stands in one of them."""
    weights: dict[tuple[int, str], int] = {}
    for numbers, name in ((client, "client_zone"), (server, "server_zone")):
        for key, weight in zip(zip(numbers.tolist(), pairs.column(name).to_pylist(), strict=True), heavy.tolist(), strict=True):
            weights[key] = weights.get(key, 0) + weight
    zones = [""] * count
    for (number, zone), _ in sorted(weights.items(), key=lambda item: (item[0][1] != "", item[1], item[0][1])):
        zones[number] = zone  # the last one stays: a zone before none, the heaviest, the last by name
    return zones


def _groups(ends: list[End], zones: list[str], fold: Fold) -> list[End]:
    """The group of each end. A group of one end is that end."""
    groups = [group_of(end, zone, fold) for end, zone in zip(ends, zones, strict=True)]
    members = Counter(group.key for group in groups)
    return [group if members[group.key] > 1 else end for end, group in zip(ends, groups, strict=True)]


def _by_end(values: Weights, client: Ints, server: Ints, count: int) -> Weights:
    """Of each end, the sum over the pairs it is an end of; once over those it is both of."""
    apart = client != server
    return _added(np.concatenate([values, values[apart]]), np.concatenate([client, server[apart]]), count)


def _shapes(ends: list[End], groups: list[End], weight: Weights, asked: Asked) -> tuple[list[End], Ints, list[str]]:
    """What is drawn, which of it each end is a part of, and for each shape the open group that it stands in."""
    is_open = [group.key in asked.opened and group.key != end.key for end, group in zip(ends, groups, strict=True)]
    shown = [end if opened else group for end, group, opened in zip(ends, groups, is_open, strict=True)]
    sums: dict[str, int] = {}
    for shape, own in zip(shown, weight.tolist(), strict=True):
        sums[shape.key] = sums.get(shape.key, 0) + own
    ranked = sorted(sums, key=lambda key: (-sums[key], key))
    kept = set(ranked if len(ranked) <= asked.limit else ranked[: asked.limit - 1])
    drawn = {
        key: (shape, group.key if opened else "")
        for shape, group, opened in zip(shown, groups, is_open, strict=True)
        if (key := shape.key) in kept
    }
    shapes = {**dict(sorted(drawn.items())), **({REST.key: (REST, "")} if len(kept) < len(ranked) else {})}
    number = {key: at for at, key in enumerate(shapes)}
    place = np.array([number[shape.key if shape.key in kept else REST.key] for shape in shown], np.int64)
    return [shape for shape, _ in shapes.values()], place, [group for _, group in shapes.values()]


def _draw(
    shapes: list[End],
    place: Ints,
    inside: list[str],
    source: Ints,
    target: Ints,
    values: dict[str, Weights],
    heavy: Weights,
    left_out: Mapping[str, int],
    edge_limit: int,
    used: Fold,
) -> Folded:
    count = max(1, len(shapes))
    keys, edge = np.unique(source * count + target, return_inverse=True)
    order = np.lexsort((keys, ~_added(heavy, edge, len(keys))))
    drawn, rest = np.sort(order[:edge_limit]), order[edge_limit:]
    sums = {
        "pairs": _added(np.ones(len(edge), np.uint64), edge, len(keys)),
        **{name: _added(column, edge, len(keys)) for name, column in values.items()},
    }
    nodes = {
        **{name: pa.array([getattr(shape, name) for shape in shapes], pa.string()) for name in ("key", "label", "kind", "term")},
        "group": pa.array(inside, pa.string()),
        "members": np.bincount(place, minlength=len(shapes)).astype(np.int64),
        **{name: _by_end(column, source, target, len(shapes)) for name, column in values.items()},
    }
    edges = {"source": keys[drawn] // count, "target": keys[drawn] % count, **{name: column[drawn] for name, column in sums.items()}}
    left = {name: int(column[rest].sum()) + left_out.get(name, 0) for name, column in sums.items()}
    whole = pa.table({name: pa.array([value], pa.uint64()) for name, value in {"edges": len(rest), **left}.items()})
    return Folded(pa.table(nodes), pa.table(edges), whole, used)


def _added(values: Weights, place: Ints, count: int) -> Weights:
    total = np.zeros(count, np.uint64)
    np.add.at(total, place, values)
    return total
