"""Counts of the tables as arrays: edges by steps, edges by hours of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.records.histogram import BUCKETS
from sinks.queries.health import COUNTS, Asked, Counts
from streams.insights.health.baseline import Past
from streams.insights.health.course import Seen
from streams.insights.health.grouping import Edge
from streams.insights.health.signals import SHARES, SLOW_FROM, STEP_S, Bools, Floats, Ints

_COLUMNS = (
    (("connections_failed",), ("connections_opened", "connections_failed")),
    (("connections_reset",), ("connections_closed", "connections_reset")),
    (("retransmits",), ("packets_sent",)),
    (("rtt_slow",), ("rtt_tried",)),
    (("connect_slow",), ("connect_tried",)),
)
"""Of each of SHARES: what is added up to its bad ones, and to what was tried."""


@dataclass(frozen=True)
class Read:
    """`numbers`: of the edges in the tables. `refused`, `timed_out`: (edges, steps)."""

    edges: tuple[Edge, ...]
    numbers: NDArray[np.uint64]
    seen: Seen
    past: Past
    refused: Floats
    timed_out: Floats


@dataclass(frozen=True)
class _Cells:
    """Columns of cells. `chosen`: which of them stand somewhere; `place`: where, in rows of the shape, one after the other."""

    columns: Mapping[str, NDArray[Any]]
    chosen: Ints
    place: Ints
    shape: tuple[int, int]

    def filled(self) -> Bools:
        """Where there is a cell: a flow was seen."""
        found = np.zeros(self.shape, np.bool_)
        found.reshape(-1)[self.place] = True
        return found

    def sums(self, names: Sequence[str], found: Floats | None = None) -> Floats:
        """Of columns of these names, in `found`, which is zero: arrays are large, and each new one is dear."""
        found = np.zeros(self.shape) if found is None else found
        values = sum((self.columns[name].astype(np.float64) for name in names[1:]), self.columns[names[0]])
        found.reshape(-1)[self.place] = values[self.chosen]
        return found

    def shares(self) -> tuple[Floats, Floats]:
        """(signals, edges, steps or hours): bad and tried."""
        bad, tried = np.zeros((len(SHARES), *self.shape)), np.zeros((len(SHARES), *self.shape))
        for signal, (names_bad, names_tried) in enumerate(_COLUMNS):
            self.sums(names_tried, tried[signal])
            np.minimum(self.sums(names_bad, bad[signal]), tried[signal], out=bad[signal])
        return bad, tried


def read(counts: Counts, asked: Asked) -> Read:
    """Nobody is known to have looked, and nothing of what was before: `seen.watched` is false, `seen.before` without bounds."""
    named, cells, row = _placed(counts)
    start, steps = asked.steps.start_s // STEP_S, asked.steps.seconds // STEP_S
    now = _steps(cells, row, start, (named.num_rows, steps))
    active = now.filled()
    seen = Seen(start, *now.shares(), active, np.zeros_like(active), np.full(active.shape, np.inf))
    numbers = plain(named.column("edge")).astype(np.uint64)
    edges = tuple(Edge(*names) for names in zip(*(named.column(name).to_pylist() for name in Edge.__dataclass_fields__), strict=True))
    whole_bad, whole_tried = _whole(counts.past, numbers)
    servers: dict[tuple[str, str], int] = {}
    server = np.array([servers.setdefault((edge.network, edge.server), len(servers)) for edge in edges], np.int64)
    past = Past(*_hours(cells, row, named.num_rows), whole_bad, whole_tried, server)
    causes = (now.sums((f"connections_{name}",)) for name in ("refused", "timed_out"))
    return Read(edges, numbers, seen, past, *causes)


def _placed(counts: Counts) -> tuple[pa.Table, dict[str, NDArray[Any]], Ints]:
    """The names, and the columns of the cells with the rows of their names. Edges that came or went in between are left out."""
    cells, row = counts.cells, pc.index_in(counts.cells.column("edge"), counts.named.column("edge"))
    if row.null_count:
        known = pc.is_valid(row)
        cells, row = cells.filter(known), row.filter(known)
    return counts.named, {name: plain(cells.column(name)) for name in cells.column_names}, plain(row).astype(np.int64)


def _flat(table: pa.Table, name: str) -> NDArray[Any]:
    return plain(_whole_column(table, name).flatten())


def _offsets(table: pa.Table, name: str) -> Ints:
    return plain(_whole_column(table, name).offsets).astype(np.int64)


def plain(numbers: Any) -> NDArray[Any]:
    """Of an array or a column without nulls, as it lies in memory: `to_numpy` would load pandas, which takes as long as a question."""
    return np.from_dlpack(_in_one(numbers) if isinstance(numbers, pa.ChunkedArray) else numbers)


def _whole_column(table: pa.Table, name: str) -> Any:
    return _in_one(table.column(name))


def _in_one(column: pa.ChunkedArray) -> Any:
    """Without a copy where it is in one chunk, unlike `combine_chunks`."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _steps(columns: Mapping[str, NDArray[Any]], row: Ints, start: int, shape: tuple[int, int]) -> _Cells:
    at = columns["at"].astype(np.int64) - start
    chosen = np.flatnonzero((columns["is_hour"] == 0) & (at >= 0) & (at < shape[1]))
    return _Cells(columns, chosen, row[chosen] * shape[1] + at[chosen], shape)


def _hours(columns: Mapping[str, NDArray[Any]], row: Ints, edges: int) -> tuple[Ints, Floats, Floats]:
    chosen = np.flatnonzero(columns["is_hour"])
    hours, column = np.unique(columns["at"][chosen].astype(np.int64), return_inverse=True)
    return hours * STEP_S, *_Cells(columns, chosen, row[chosen] * len(hours) + column, (edges, len(hours))).shares()


def _whole(past: pa.Table, numbers: NDArray[np.uint64]) -> tuple[Floats, Floats]:
    """(signals, edges); 0 for an edge without a past."""
    edge = plain(past.column("edge")).astype(np.uint64)
    order = np.argsort(edge)
    known = edge[order]
    place = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
    has = known[place] == numbers if len(known) else np.zeros(len(numbers), np.bool_)
    values = {name: plain(past.column(name)).astype(np.float64) for name in COUNTS}
    for name in ("rtt", "connect"):
        samples = histograms(past, name)
        values[f"{name}_tried"] = samples.sum(axis=1)
        first = np.append(SLOW_FROM, BUCKETS)[median_buckets(samples)]
        values[f"{name}_slow"] = (samples * (np.arange(BUCKETS) >= first[:, None])).sum(axis=1)
    bad, tried = (np.stack([np.sum([values[name] for name in one[part]], axis=0) for one in _COLUMNS]) for part in (0, 1))
    if not len(known):
        return np.zeros((len(SHARES), len(numbers))), np.zeros((len(SHARES), len(numbers)))
    return np.where(has, np.minimum(bad, tried)[:, order[place]], 0.0), np.where(has, tried[:, order[place]], 0.0)


def histograms(table: pa.Table, name: str) -> Floats:
    """(rows, buckets) of the columns `NAME_buckets` and `NAME_samples`."""
    found = np.zeros((table.num_rows, BUCKETS))
    row = np.repeat(np.arange(table.num_rows), np.diff(_offsets(table, f"{name}_buckets")))
    found[row, _flat(table, f"{name}_buckets").astype(np.int64) - 1] = _flat(table, f"{name}_samples")
    return found


def median_buckets(samples: Floats) -> Ints:
    """BUCKETS where there are no samples."""
    whole = samples.sum(axis=1)
    median = (np.cumsum(samples, axis=1) * 2 >= whole[:, None]).argmax(axis=1)
    return np.asarray(np.where(whole > 0, median, BUCKETS), np.int64)


def watched(seen: Seen, told: Bools, edges: Ints) -> Seen:
    """`told`: (edges, steps) of these edges alone."""
    whole = seen.watched.copy()
    whole[edges] = told
    return replace(seen, watched=whole)


def before(table: pa.Table, asked: Asked, numbers: NDArray[np.uint64], backs_s: Sequence[int]) -> Floats:
    """(numbers, steps): what was tried so long before the judged steps, the lowest of all; of the other steps nothing is known."""
    found, judged = np.full((len(numbers), asked.steps.seconds // STEP_S), np.inf), asked.judged.seconds // STEP_S
    order = np.argsort(numbers)
    edge = np.repeat(order[np.searchsorted(numbers, plain(table.column("edge")), sorter=order)], np.diff(_offsets(table, "at")))
    step, tried = (_flat(table, name).astype(np.int64) for name in ("at", "tried"))
    for back_s in backs_s:
        at = (step + back_s - asked.judged.start_s) // STEP_S
        chosen = (at >= 0) & (at < judged)
        earlier = np.zeros((len(numbers), judged))
        earlier[edge[chosen], at[chosen]] = tried[chosen]
        found[:, -judged:] = np.minimum(found[:, -judged:], earlier)
    return found
