"""What nodes say window after window, how it reaches workers, and what becomes of them, at random; and what must be shown of it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from schemas.records.flow_batch import FlowBatch, HeartbeatColumns
from streams.blocks.side_tables import ownership_tables
from streams.dedup.resting import Resting
from streams.ownership.observations import from_heartbeats
from tests.streams.support import address, batch

WINDOW_US = 10_000_000
NAMES = ("cart", "checkout", "")
Holder = tuple[bytes, str, int, int]
"""Address, workload, port, protocol."""
POOL: tuple[Holder, ...] = tuple((address(last), NAMES[last % 2], port, 6 * (port > 0)) for last in range(5) for port in (0, 53)) + (
    (address(1), "cart", 0, 0),
    (address(2), "", 0, 0),
)
Span = tuple[int, int]
SPANS: tuple[tuple[Span, ...], ...] = (
    (),
    ((0, 10),),
    ((0, 4),),
    ((4, 10),),
    ((0, 3), (6, 10)),
    ((-5, 10),),
    ((3, 3),),
    ((0, 4), (4, 10)),
    ((0, 10), (0, 10)),
)
"""In seconds from the window's start: silent, all of it, ended early, begun late, a hole, from before, no time, in two pieces, twice."""


class Shown(NamedTuple):
    """A range as a view shows it."""

    network: str
    ip: bytes
    port: int
    workload: str
    node: str
    start_us: int
    end_us: int


def beats(said: Iterable[tuple[Holder, Span]], window: int, names: tuple[str, ...]) -> HeartbeatColumns:
    rows = [(holder, window * WINDOW_US + start * 1_000_000, window * WINDOW_US + end * 1_000_000) for holder, (start, end) in said]
    return HeartbeatColumns(
        np.frombuffer(b"".join(holder[0] for holder, _, _ in rows), np.uint8).reshape(-1, 16),
        np.array([names.index(holder[1]) for holder, _, _ in rows], np.uint32),
        np.array([holder[2] for holder, _, _ in rows], np.uint16),
        np.array([holder[3] for holder, _, _ in rows], np.uint8),
        np.array([start for _, start, _ in rows], np.int64),
        np.array([end for _, _, end in rows], np.int64),
    )


def spoken(
    said: Iterable[tuple[Holder, Span]], window: int, *, node: str = "n1", index: int = 0, names: tuple[str, ...] = NAMES
) -> FlowBatch:
    return batch([], window=window, node=node, index=index, workloads=names, beats=beats(said, window, names))


@st.composite
def batches(draw: st.DrawFn, windows: int = 8) -> list[FlowBatch]:
    """Two nodes, one with two slices: what they hold changes now and then, by little."""
    told = []
    chance = random.Random(draw(st.integers(0, 2**32)))
    slices = [("n1", 0), ("n1", 1), ("n2", 0)][: draw(st.integers(1, 3))]
    held = {place: set(chance.sample(POOL, chance.randint(0, 5))) for place in slices}
    for window in range(windows):
        for node, index in slices:
            held[node, index] ^= set(chance.sample(POOL, chance.choice([0, 0, 0, 0, 1, 2])))
            odd = {holder: chance.choice(SPANS) for holder in chance.sample(POOL, chance.choice([0, 0, 0, 0, 1, 2]))}
            said = [(holder, span) for holder in sorted(held[node, index] | odd.keys()) for span in odd.get(holder, SPANS[1])]
            names = chance.choice([NAMES, NAMES, NAMES[::-1], ("other", *NAMES), ("cart", *NAMES)])
            told.append(spoken(said, window, node=node, index=index, names=names))
    return told


@st.composite
def arrivals(draw: st.DrawFn) -> list[FlowBatch]:
    """The batches as a partition has them: some lost, some repeated, some out of order."""
    told = draw(batches())
    for _ in range(draw(st.integers(0, 4))):
        told.pop(draw(st.integers(0, len(told) - 1)))
    for _ in range(draw(st.integers(0, 2))):
        told.insert(draw(st.integers(0, len(told))), told[draw(st.integers(0, len(told) - 1))])
    for _ in range(draw(st.integers(0, 2))):
        told.insert(draw(st.integers(0, len(told) - 1)), told.pop(draw(st.integers(0, len(told) - 1))))
    return told


class Insert(NamedTuple):
    """One insert into `ownership_ranges` and `ownership_rests`, or one part of it, of a block that ends before batch number `said`.

    `whole`: with it, all is there of the block.
    """

    ranges: pa.Table
    rests: pa.Table
    said: int
    whole: bool


@dataclass
class Workers:
    """A worker, and one that took its partition away before it knew: each with a memory of its own."""

    chance: random.Random
    told: Sequence[FlowBatch]
    network: str = "default"

    def inserts(self) -> list[Insert]:
        """In the order in which they reach the tables. The last makes everything whole that was said."""
        memory, left, at, done = self._memory(), self._memory(), 0, list[Insert]()
        while at < len(self.told):
            to = min(len(self.told), at + self.chance.randint(1, 6))
            fate = self.chance.choice(["applied"] * 5 + ["killed", "killed", "taken away"])
            if fate == "applied":
                done += self._apply(memory, at, to, whole=True)
                at = to
                continue
            # Some of the inserts of the block were made, and the offset was not committed: the next worker begins there, or before it.
            inserts = self._apply(memory, at, to, whole=False)
            made = inserts[: self.chance.randint(0, 4)]
            done += made
            if fate == "taken away":  # A worker goes on to its next block when all inserts of this one are made, and never before.
                left = memory if len(made) == len(inserts) else self._memory()
            memory = self._memory()
            at = max(0, at - self.chance.choice([0, 0, 3]))
            if self.chance.random() < 0.5:  # it goes on all the same
                done += self._apply(left, at, to, whole=False)
        return done

    def _memory(self) -> Resting:
        return Resting(self.chance.choice([10_000_000, 10_000_000, 5_000]), lambda: self.chance.getrandbits(63) + 1)

    def _apply(self, memory: Resting, at: int, to: int, *, whole: bool) -> list[Insert]:
        """Ranges come before rests, in parts of the table, of which any may come first."""
        if not whole and self.chance.random() < 0.5:
            memory = self._memory()
        ranges, rests = ownership_tables(memory.tell(self.told[at:to], self.network), self.network)
        part = np.array([self.chance.random() < 0.5 for _ in range(len(ranges))], np.bool_)
        inserts = [Insert(ranges.filter(pa.array(one)), rests.schema.empty_table(), to, False) for one in (part, ~part)]
        inserts += [Insert(ranges.schema.empty_table(), row, to, False) for row in (rests.slice(n, 1) for n in range(len(rests)))]
        return [*inserts[:-1], inserts[-1]._replace(whole=whole)]


def whole_story(told: Iterable[FlowBatch], network: str = "default") -> set[Shown]:
    """What rows of each heartbeat would show: the oracle."""
    said = from_heartbeats([*told], network).saying()
    spans = defaultdict(list)
    for row in range(len(said)):
        key = (
            said.names[said.network[row]],
            said.ip[row].tobytes(),
            int(said.port[row]),
            said.names[said.workload[row]],
            said.names[said.node[row]],
        )
        spans[key].append((int(said.start_us[row]), int(said.end_us[row])))
    return _joined(spans)


def shown(ranges: Iterable[pa.Table], rests: Iterable[pa.Table]) -> set[Shown]:
    """What the view shows of the rows, in Python."""
    ends: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in (row for table in rests for row in _micros(table)):
        key = (row["network"], row["node_id"], row["chain"])
        ends[key] = max(ends[key], row["end"])
    pieces: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row in (row for table in ranges for row in _micros(table)):
        key = tuple(row[name] for name in ("network", "ip", "port", "workload", "node_id", "chain", "start"))
        end, ended = pieces.get(key, (0, 0))
        pieces[key] = max(end, row["end"]), max(ended, row["ended"])
    spans = defaultdict(list)
    for (network, ip, port, workload, node, chain, start), (end, ended) in pieces.items():
        until = end if ended else max(end, ends.get((network, node, chain), 0))
        spans[network, ip, port, workload, node].append((start, until))
    return _joined(spans)


def says_no_more(some: Iterable[Shown], whole: Iterable[Shown]) -> bool:
    """Whether each range of `some` lies in one of `whole`."""
    by_key = defaultdict(list)
    for one in whole:
        by_key[one[:5]].append(one)
    return all(any(one.start_us <= piece.start_us and piece.end_us <= one.end_us for one in by_key[piece[:5]]) for piece in some)


def renamed(told: Iterable[FlowBatch], network: str) -> list[FlowBatch]:
    return [replace(one, network=network) for one in told]


def _joined(spans: dict[Any, list[Span]]) -> set[Shown]:
    found = set()
    for key, pieces in spans.items():
        merged: list[list[int]] = []
        for start, end in sorted(pieces):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        found |= {Shown(*key, start, end) for start, end in merged}
    return found


def _micros(table: pa.Table) -> list[dict[str, Any]]:
    for name in ("start", "end"):
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(pa.int64()))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
