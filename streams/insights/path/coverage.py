"""For how long of a span a client was watched: which windows its nodes told of, what they lost, and where it was on no node at all.

A node's agent vouches for what it counts from the second window of an epoch on: the first one began before it. Within an epoch the kernel
goes on counting while the agent starts late into a window, and the counts stand in the next one. A longer pause is taken for an agent that
was down, although the kernel may have counted on: what is said of silence must not rest on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.arrays import I64

LATE_WINDOWS = 3
"""A pause of so many windows is no hole, and a node that is so far behind the newest is not silent yet."""
LAG_S = 60
"""Windows may come so much later than their end, beside LATE_WINDOWS of them: a worker holds them and writes blocks."""

Why = Literal["silent", "lost", "absent"]


@dataclass(frozen=True, order=True)
class Stretch:
    """UTC seconds since 1970, half open."""

    start_s: int
    end_s: int


@dataclass(frozen=True)
class Hole:
    """Nothing may be concluded from what was not seen here.

    silent: the node told of no window. lost: counts of it are known to be lost; of all nodes where `node` is empty. absent: no node that is
    known had the client.
    """

    node: str
    start_s: int
    end_s: int
    why: Why


def covered(windows: pa.Table) -> dict[str, list[Stretch]]:
    """By node, the times that its agent vouches for, in order. `windows`: node, epoch, start, end (UTC seconds), complete; one row each."""
    found: dict[str, list[Stretch]] = {}
    for (node, _), (starts, ends, complete) in _by_epoch(windows).items():
        found.setdefault(node, []).extend(_of_epoch(starts, ends, complete))
    return {node: joined(stretches) for node, stretches in found.items()}


def regular(epochs: pa.Table) -> dict[str, list[Stretch]]:
    """The same of nodes whose windows of each epoch have no pause and no missing part; of the others nothing is said.

    `epochs`: node, start, end, longest, told (seconds), whole: a row for each epoch.
    """
    found: dict[str, list[Stretch]] = {}
    others: set[str] = set()
    for row in epochs.to_pylist():
        if row["whole"] and row["told"] == row["end"] - row["start"]:
            found.setdefault(row["node"], []).append(Stretch(min(row["start"] + row["longest"], row["end"]), row["end"]))
        else:
            others.add(row["node"])
    return {node: joined(stretches) for node, stretches in found.items() if node not in others}


def _by_epoch(windows: pa.Table) -> dict[tuple[str, int], tuple[I64, I64, I64]]:
    if not windows.num_rows:
        return {}
    ordered = windows.sort_by([("node", "ascending"), ("epoch", "ascending"), ("start", "ascending")])
    nodes, epochs = pc.dictionary_encode(ordered["node"].combine_chunks()).indices.to_numpy(), ordered["epoch"].to_numpy()
    starts, ends, complete = (np.asarray(ordered[name].to_numpy(), np.int64) for name in ("start", "end", "complete"))
    begins = np.flatnonzero(np.r_[True, (nodes[1:] != nodes[:-1]) | (epochs[1:] != epochs[:-1])])
    return {
        (ordered["node"][int(low)].as_py(), int(epochs[low])): (starts[low:high], ends[low:high], complete[low:high])
        for low, high in zip(begins, np.r_[begins[1:], len(starts)], strict=True)
    }


def _of_epoch(starts: I64, ends: I64, complete: I64) -> list[Stretch]:
    """The first window is left out, and so is one of which a part has not come."""
    starts, ends, complete = starts[1:], ends[1:], complete[1:]
    if not len(starts):
        return []
    until = np.maximum.accumulate(ends)
    breaks = (starts[1:] - until[:-1] > LATE_WINDOWS * (ends - starts)[1:]) | (complete[1:] == 0) | (complete[:-1] == 0)
    first = np.flatnonzero(np.r_[True, breaks])
    last = np.r_[first[1:], len(starts)] - 1
    return [Stretch(int(starts[a]), int(until[b])) for a, b in zip(first, last, strict=True) if complete[a]]


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for one in sorted(stretches):
        if found and one.start_s <= found[-1].end_s:
            found[-1] = Stretch(found[-1].start_s, max(found[-1].end_s, one.end_s))
        else:
            found.append(one)
    return found


def missing(stretches: Iterable[Stretch], span: Stretch, tolerance_s: int = 0) -> list[Stretch]:
    """What of the span none of the stretches has, but for pauses of up to `tolerance_s`."""
    found, at = [], span.start_s
    for one in joined(stretches):
        if one.start_s > span.end_s:
            break
        if one.start_s - at > tolerance_s:
            found.append(Stretch(at, one.start_s))
        at = max(at, one.end_s)
    return [*found, Stretch(at, span.end_s)] if span.end_s - at > tolerance_s else found


def answered_end(known: Mapping[str, list[Stretch]], span: Stretch, newest_s: int, window_s: int) -> int:
    """Up to when of the span an answer can be given: what is on its way is left out, what has not come for too long is not.

    `known`: of the client's nodes. `newest_s`: the end of the newest window of any node.
    """
    lately = min(span.end_s, newest_s) - LATE_WINDOWS * window_s
    reached = [stretches[-1].end_s for stretches in known.values() if stretches and stretches[-1].end_s >= lately]
    end_s = min([span.end_s, *reached])
    is_lag = span.end_s - end_s <= LAG_S + LATE_WINDOWS * window_s
    return max(end_s, span.start_s) if is_lag else span.end_s


def holes(nodes: Iterable[str], known: Mapping[str, list[Stretch]], losses: pa.Table, hosted: Iterable[Stretch], span: Stretch,
          window_s: int) -> tuple[Hole, ...]:  # fmt: skip
    """`losses`: node, start, end (UTC seconds). `hosted`: when a node that is known had the client. In the order of their starts."""
    found = [Hole(node, gap.start_s, gap.end_s, "silent") for node in nodes for gap in missing(known.get(node, []), span)]
    found += [
        Hole(row["node"], row["start"], row["end"], "lost")
        for row in losses.to_pylist()
        if row["start"] < span.end_s and row["end"] > span.start_s
    ]
    found += [Hole("", gap.start_s, gap.end_s, "absent") for gap in missing(hosted, span, LATE_WINDOWS * window_s)]
    return tuple(sorted(set(found), key=lambda hole: (hole.start_s, hole.end_s, hole.node)))
