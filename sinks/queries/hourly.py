"""One metric by hour: the N largest groups of a span, and all others as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sinks.filter.sql import Columns, condition, dimensions_of, metrics_of, split
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.metrics import METRICS, base_sums, combine
from sinks.queries.sources import SUMS, canonical_of, columns, source_of, within
from sinks.queries.spans import Oldest, Piece, Plan, Span, plan

HOUR_S = 3_600
ADDED = tuple(name for name, metric in METRICS.items() if set(metric.of) <= set(SUMS) and metric.sql and name != "rtt_us")
"""Metrics that add up: an hour of them is the sum of its parts."""
_HOUR = f"toUInt32(intDiv(toUnixTimestamp(window_start), {HOUR_S}))"
_METRIC_COLUMNS: Columns = {name: metric.sql for name, metric in METRICS.items() if metric.sql}


@dataclass(frozen=True)
class Hourly:
    """A question. `span`: whole hours. `metric`: of ADDED, and the largest by it come first."""

    span: Span
    by: tuple[str, ...]
    metric: str = "bytes"
    filter: Node | None = None
    limit: int = 10


@dataclass(frozen=True)
class Hours:
    """`groups`: the dimensions, and `other`, true for all groups that are not named: its dimensions are null. The largest come first.

    `values`: (groups, hours), from the hour in which `plan.span` begins; 0 where nothing was counted.
    """

    groups: pa.Table
    values: NDArray[np.float64]
    plan: Plan
    sql: str


def ask_hours(ask: Ask, question: Hourly, oldest: Oldest) -> Hours:
    """A filter by metrics lets a group through by its sums over the whole span."""
    parts = split(question.filter)
    levels = source_of(dimensions_of(parts.where) | set(question.by), "canonical").levels
    planned = plan(question.span, levels, oldest, HOUR_S)
    statement = _statement(question, planned.pieces, parts.where, parts.having)
    found = ask(statement)
    return Hours(_groups(question, found), _values(found, planned.span), planned, statement)


def _statement(question: Hourly, pieces: Sequence[Piece], where: Node | None, having: Node | None) -> str:
    """The largest groups are found first, and told apart by a hash: each group's hours by themselves would be too many to add up."""
    metric = METRICS[question.metric]
    keys = [f"d_{name}" for name in question.by]
    top = (
        f"SELECT group FROM ({_wholes(question, pieces, where, metric.of)}) "  # noqa: S608 (composed of weir's own names)
        f"WHERE {_let_through(question, pieces, where, having)} ORDER BY {metric.sql} DESC, group LIMIT {question.limit}"
    )
    others = question.limit + 1
    place = f"transform(group, top, arrayEnumerate(top), toUInt32({others}))"
    sums = ", ".join(f"{combine(name, 'm_')} AS {name}" for name in metric.of)
    named = "".join(f", any({key}) AS {key}" for key in keys)
    hourly = (
        f"SELECT {place} AS place, hour{named}, {sums} FROM ({_rows(question, pieces, where, metric.of)}) "  # noqa: S608
        f"WHERE {_let_through(question, pieces, where, having)} GROUP BY place, hour"
    )
    shown = f"place{named}, groupArray(hour) AS hours, groupArray({metric.sql}) AS amounts"
    largest = f"WITH (SELECT arrayPushBack(groupArray(group), 0) FROM ({top})) AS top"  # noqa: S608
    return f"{largest} SELECT {shown} FROM ({hourly}) GROUP BY place ORDER BY place"  # noqa: S608


def _wholes(question: Hourly, pieces: Sequence[Piece], where: Node | None, sums: Sequence[str]) -> str:
    """A row a group, of the whole span."""
    whole = ", ".join(f"{combine(name, 'm_')} AS {name}" for name in sums)
    return f"SELECT group, {whole} FROM ({_rows(question, pieces, where, sums)}) GROUP BY group"  # noqa: S608


def _let_through(question: Hourly, pieces: Sequence[Piece], where: Node | None, having: Node | None) -> str:
    if having is None:
        return "1"
    wholes = _wholes(question, pieces, where, base_sums(metrics_of(having)))
    return f"group IN (SELECT group FROM ({wholes}) WHERE {condition(having, _METRIC_COLUMNS)})"  # noqa: S608


def _rows(question: Hourly, pieces: Sequence[Piece], where: Node | None, sums: Sequence[str]) -> str:
    return " UNION ALL ".join(_piece(piece, question, where, sums) for piece in pieces)


def _piece(piece: Piece, question: Hourly, where: Node | None, sums: Sequence[str]) -> str:
    known = columns(piece.table)
    group = ", ".join(known[name] for name in question.by) or "0"
    shown = [f"cityHash64({group}) AS group", f"{_HOUR} AS hour", *(f"{known[name]} AS d_{name}" for name in question.by)]
    shown += [f"toUInt64({known[name]}) AS m_{name}" for name in sums]
    asked = "" if where is None else f" AND {condition(where, known)}"
    rows = f"{within(piece.span)}{canonical_of(piece.table, 'canonical')}{asked}"
    return f"SELECT {', '.join(shown)} FROM weir.{piece.table} WHERE {rows}"  # noqa: S608


def _groups(question: Hourly, found: pa.Table) -> pa.Table:
    other = np.asarray(found.column("place").to_numpy()) > question.limit
    named = {name: _named(found.column(f"d_{name}"), other) for name in question.by}
    return pa.table({**named, "other": pa.array(other, pa.bool_())})


def _named(column: pa.ChunkedArray, other: NDArray[np.bool_]) -> pa.Array:
    values = [None if is_other else value for is_other, value in zip(other.tolist(), column.to_pylist(), strict=True)]
    return pa.array(values, pa.int64() if pa.types.is_integer(column.type) else pa.string())


def _values(found: pa.Table, span: Span) -> NDArray[np.float64]:
    first = span.start_s // HOUR_S
    values = np.zeros((found.num_rows, span.end_s // HOUR_S - first))
    hours, amounts = (found.column(name).combine_chunks() for name in ("hours", "amounts"))
    rows = np.repeat(np.arange(found.num_rows), np.asarray(hours.value_lengths().to_numpy(zero_copy_only=False), np.intp))
    at = hours.flatten().to_numpy(zero_copy_only=False).astype(np.intp) - first
    values[rows, at] = amounts.flatten().to_numpy(zero_copy_only=False)
    return values
