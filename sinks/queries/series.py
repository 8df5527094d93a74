"""Sums by dimensions over time: the N largest groups, and all others as one, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from sinks.filter.sql import condition, dimensions_of, metrics_of, split
from sinks.queries.edges import Ask, Sums, grouped, with_dimensions
from sinks.queries.metrics import METRICS, base_sums, combine, derive
from sinks.queries.sources import source_of
from sinks.queries.spans import Oldest, Plan, plan

STEPS_S = (1, 10, 60, 300, 900, 3_600, 21_600, 86_400)
POINTS = 300


@dataclass(frozen=True)
class Series:
    """`rows`: `time` (UTC, start of the step), the dimensions, the metrics, and `other`, true where all groups that are not named stand.

    Sorted by the group's rank and by time. A step without flows has no row.
    """

    rows: pa.Table
    step_s: int
    plan: Plan
    sql: str


def auto_step(seconds: int) -> int:
    """The finest step that gives no more than POINTS of them."""
    return next((step for step in STEPS_S if seconds <= step * POINTS), STEPS_S[-1])


def ask_series(ask: Ask, question: Sums, step_s: int, oldest: Oldest) -> Series:
    parts = split(question.filter)
    source = source_of(dimensions_of(parts.where) | set(question.by), question.view)
    planned = plan(question.span, source.levels, oldest, step_s)
    sums = base_sums((*question.metrics, *metrics_of(parts.having), question.order))
    start = f"toStartOfInterval(window_start, INTERVAL {step_s} SECOND, 'UTC')"
    inner = grouped(planned.pieces, question.by, parts.where, sums, question.view, start)
    having = condition(parts.having, {name: metric.sql for name, metric in METRICS.items() if metric.sql})
    keys = [f"d_{name}" for name in question.by]
    by = ", ".join(keys) or "tuple()"
    whole = f"sum({METRICS[question.order].sql}) OVER (PARTITION BY {by}) AS whole"
    place = f"least(dense_rank() OVER (ORDER BY whole DESC, {by}), {question.limit + 1})"
    shown = ", ".join([f"any({key}) AS {key}" for key in keys] + [f"{combine(name)} AS {name}" for name in sums])
    statement = (
        f"SELECT place, toUnixTimestamp(step) AS time, {shown} FROM (SELECT *, {place} AS place FROM ("  # noqa: S608 (composed of weir's own names)
        f"SELECT *, {whole} FROM ({inner}) WHERE {having})) GROUP BY place, step ORDER BY place, step"
    )
    found = ask(statement)
    times = found.column("time").cast(pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    other = pa.array([place > question.limit for place in found.column("place").to_pylist()], pa.bool_())
    rows = with_dimensions(found, question.by, derive(found, question.metrics)).add_column(0, "time", times).append_column("other", other)
    return Series(rows, step_s, planned, statement)
