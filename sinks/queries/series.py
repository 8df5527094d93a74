"""Sums by dimensions over time: the N largest groups, and all others as one, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sinks.filter.sql import condition, dimensions_of, metrics_of, split
from sinks.filter.tree import Node
from sinks.queries.edges import Ask, Sums, with_dimensions
from sinks.queries.group_by import grouped
from sinks.queries.metrics import METRICS, base_sums, combine, derive
from sinks.queries.sources import source_of, within
from sinks.queries.spans import Oldest, Plan, Span, plan

STEPS_S = (1, 10, 60, 300, 900, 3_600, 21_600, 86_400)
POINTS = 300
_HOUR_S = LONG_WINDOW_S = 3_600
"""No window is longer."""
_WHOLE = "whole_"


@dataclass(frozen=True)
class Series:
    """`rows`: `time` (UTC, start of the step), the dimensions, the metrics, and `other`, true where all groups that are not named stand:
    their dimensions are null.

    Sorted by the group's rank and by time. A step without flows has no row.
    """

    rows: pa.Table
    step_s: int
    plan: Plan
    sql: str


def auto_step(ask: Ask, span: Span) -> int:
    """The finest step, in seconds, that gives no more than POINTS of them and is no shorter than a window of the span.

    A window's flows stand at its start: shorter steps would show bursts between nothing.
    """
    step_s = next((step for step in STEPS_S if span.seconds <= step * POINTS), STEPS_S[-1])
    if step_s >= LONG_WINDOW_S:
        return step_s
    hours = Span(span.start_s // _HOUR_S * _HOUR_S, -(-span.end_s // _HOUR_S) * _HOUR_S)  # so that many spans ask the same
    longest_s = ask(f"SELECT toInt64(max(window_seconds)) AS seconds FROM weir.batches WHERE {within(hours)}").to_pylist()[0]["seconds"]  # noqa: S608
    return next((step for step in STEPS_S if step >= max(step_s, longest_s)), STEPS_S[-1])


def ask_series(ask: Ask, question: Sums, step_s: int, oldest: Oldest) -> Series:
    """A filter by metrics lets a group through by its sums over the whole span, as in `edges`: its steps are all there."""
    parts = split(question.filter)
    levels = source_of(dimensions_of(parts.where) | set(question.by), question.view).levels
    planned = plan(question.span, levels, oldest, step_s)
    sums = base_sums((*question.metrics, *metrics_of(parts.having), question.order))
    start = f"toStartOfInterval(window_start, INTERVAL {step_s} SECOND, 'UTC')"
    steps = grouped(planned.pieces, question.by, parts.where, sums, question.view, start)
    statement = _largest(question, steps, parts.having, sums)
    return Series(_rows(question, ask(statement), sums), step_s, planned, statement)


def _largest(question: Sums, steps: str, having: Node | None, sums: Sequence[str]) -> str:
    """A row for each step of the largest groups, and one for each step of all others."""
    keys = [f"d_{name}" for name in question.by]
    by = ", ".join(keys) or "tuple()"
    judged = base_sums((*metrics_of(having), question.order))
    whole = ", ".join(f"{combine(name)} OVER (PARTITION BY {by}) AS {_WHOLE}{name}" for name in judged)
    let_through = condition(having, {name: metric.sql_of(_WHOLE) for name, metric in METRICS.items() if metric.sql})
    place = f"dense_rank() OVER (ORDER BY {METRICS[question.order].sql_of(_WHOLE)} DESC, {by})"
    shown = ", ".join([f"any({key}) AS {key}" for key in keys] + [f"{combine(name)} AS {name}" for name in sums])
    return (
        f"SELECT place, toUnixTimestamp(step) AS time, {shown} FROM (SELECT *, least({place}, {question.limit + 1}) AS place FROM ("  # noqa: S608
        f"SELECT *, {whole} FROM ({steps})) WHERE {let_through}) GROUP BY place, step ORDER BY place, step"
    )


def _rows(question: Sums, found: pa.Table, sums: Sequence[str]) -> pa.Table:
    times = found.column("time").cast(pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    other = pc.greater(found.column("place"), question.limit)
    rows = with_dimensions(found, question.by, derive(found, question.metrics))
    for at, name in enumerate(question.by):
        column = rows.column(name)
        rows = rows.set_column(at, rows.schema.field(name), pc.if_else(other, pa.scalar(None, column.type), column))
    return rows.add_column(0, "time", times).append_column("other", other)
