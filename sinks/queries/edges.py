"""Sums by dimensions: the N largest groups, what they leave out, and the whole, of one state of the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from sinks.filter.sql import Columns, Split, condition, dimensions_of, metrics_of, split
from sinks.filter.tree import Node
from sinks.queries.metrics import DEFAULT, METRICS, base_sums, combine, derive
from sinks.queries.sources import HISTOGRAMS, MAXIMA, View, columns, source_of
from sinks.queries.spans import Oldest, Piece, Plan, Span, plan

Ask = Callable[[str], pa.Table]
"""Runs one statement that weir composed. Raises Unavailable or WeirError."""

BY = ("client", "server", "protocol", "service_port")
UNNAMED = "if(client = '' OR server = '', bytes_sent + bytes_received, 0)"


@dataclass(frozen=True)
class Sums:
    """A question. `order`: a metric; the largest come first. `step_s`: also by time, in steps of so many seconds."""

    span: Span
    by: tuple[str, ...] = BY
    metrics: tuple[str, ...] = DEFAULT
    filter: Node | None = None
    order: str = "bytes"
    limit: int = 100
    view: View = "canonical"


@dataclass(frozen=True)
class Answer:
    """`rows`: dimensions and metrics of the largest groups. `other`, `total`: one row each, metrics alone. `groups`: how many there are.

    `unnamed_bytes`: of the total, those of which an end has no name.
    """

    rows: pa.Table
    other: pa.Table
    total: pa.Table
    groups: int
    unnamed_bytes: int
    plan: Plan
    sql: str
    warnings: tuple[str, ...] = field(default=())


def ask_sums(ask: Ask, question: Sums, oldest: Oldest) -> Answer:
    parts = split(question.filter)
    needed = dimensions_of(parts.where) | set(question.by)
    planned = plan(question.span, source_of(needed, question.view).levels, oldest)
    metrics = (*question.metrics, *metrics_of(parts.having), question.order, "bytes")
    sums = base_sums(metrics)
    statement = _statement(question, planned.pieces, parts, sums)
    found = ask(statement)
    return _answer(question, planned, statement, found, sums)


def _statement(question: Sums, pieces: Sequence[Piece], parts: Split, sums: Sequence[str]) -> str:
    by = question.by
    keys = ", ".join(f"d_{name}" for name in by) or "tuple()"
    inner = grouped(pieces, by, parts.where, sums, question.view)
    having = condition(parts.having, _metric_columns())
    order = METRICS[question.order].sql
    place = f"least(row_number() OVER (ORDER BY {order} DESC, {keys}), {question.limit + 1})"
    shown = ", ".join([f"any({name}) AS {name}" for name in (f"d_{one}" for one in by)] + [f"{combine(name)} AS {name}" for name in sums])
    return (
        f"SELECT place, any(groups) AS groups, sum(unnamed_bytes) AS unnamed_bytes, {shown} FROM ("  # noqa: S608 (composed of weir's own names)
        f"SELECT *, {place} AS place, count() OVER () AS groups FROM ({inner}) WHERE {having}) GROUP BY place ORDER BY place"
    )


def grouped(pieces: Sequence[Piece], by: Sequence[str], where: Node | None, sums: Sequence[str], view: View, start: str = "") -> str:
    """SELECT of one row a group: `d_NAME` of each dimension, and the base sums. `start`: SQL of a step's start over `window_start`."""
    keys = [*(["step"] if start else []), *(f"d_{name}" for name in by)]
    rows = " UNION ALL ".join(_rows(piece, by, where, sums, view, start) for piece in pieces)
    unnamed = "sum(m_unnamed_bytes) AS unnamed_bytes"
    added = ", ".join([*keys, *(_added(name) for name in sums), unnamed])
    return f"SELECT {added} FROM ({rows})" + (f" GROUP BY {', '.join(keys)}" if keys else "")  # noqa: S608


def _added(name: str) -> str:
    return f"{combine(name).replace(f'({name})', f'(m_{name})')} AS {name}"


def _rows(piece: Piece, by: Sequence[str], where: Node | None, sums: Sequence[str], view: View, start: str) -> str:
    known = columns(piece.table)
    shown = [f"{start} AS step"] if start else []
    shown += [f"{known[name]} AS d_{name}" for name in by]
    shown += [f"{_array(name, known[name])} AS m_{name}" for name in sums]
    shown.append(
        f"if({known['client']} = '' OR {known['server']} = '', {known['bytes_sent']} + {known['bytes_received']}, 0) AS m_unnamed_bytes"
    )
    within = f"window_start >= toDateTime({piece.span.start_s}, 'UTC') AND window_start < toDateTime({piece.span.end_s}, 'UTC')"
    canonical = " AND canonical" if view == "canonical" and not piece.table.startswith("edges_") else ""
    asked = "" if where is None else f" AND {condition(where, known)}"
    return f"SELECT {', '.join(shown)} FROM weir.{piece.table} WHERE {within}{canonical}{asked}"  # noqa: S608


def _array(name: str, sql: str) -> str:
    """Raw flows count in 32 bits, rollups in 64."""
    return f"CAST({sql}, 'Array(UInt64)')" if name in HISTOGRAMS else f"toUInt64({sql})"


def _metric_columns() -> Columns:
    return {name: metric.sql for name, metric in METRICS.items() if metric.sql}


def _answer(question: Sums, planned: Plan, statement: str, found: pa.Table, sums: Sequence[str]) -> Answer:
    places = found.column("place").to_pylist()
    shown = sum(place <= question.limit for place in places)
    top, rest = found.slice(0, shown), found.slice(shown)
    rows = with_dimensions(top, question.by, derive(top, question.metrics))
    return Answer(
        rows,
        pa.table(dict(derive(_one(rest, sums), question.metrics))),
        pa.table(dict(derive(_one(found, sums), question.metrics))),
        found.column("groups")[0].as_py() if places else 0,
        sum(found.column("unnamed_bytes").to_pylist()),
        planned,
        statement,
        planned.warnings,
    )


def _one(found: pa.Table, sums: Sequence[str]) -> pa.Table:
    """The base sums of all rows as one row."""
    return pa.table({name: pa.array([_total(name, found.column(name).to_pylist())]) for name in sums})


def _total(name: str, values: list[Any]) -> Any:
    if name in HISTOGRAMS:
        return [sum(counts) for counts in zip_longest(*values, fillvalue=0)]
    return max(values, default=0) if name in MAXIMA else sum(values)


def with_dimensions(found: pa.Table, by: Sequence[str], metrics: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """The dimensions under their names, with the marks of their types, and the metrics."""
    fields = [found.schema.field(f"d_{name}").with_name(name) for name in by] + [
        pa.field(name, column.type) for name, column in metrics.items()
    ]
    return pa.Table.from_arrays([*(found.column(f"d_{name}") for name in by), *metrics.values()], schema=pa.schema(fields))
