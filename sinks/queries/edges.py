"""Sums by dimensions: the N largest groups, what they leave out, and the whole, of one state of the tables; of one time, or of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from sinks.filter.sql import Columns, condition, dimensions_of, metrics_of, split
from sinks.filter.tree import Node
from sinks.queries.group_by import grouped
from sinks.queries.metrics import DEFAULT, METRICS, base_sums, combine, derive, zero
from sinks.queries.sources import HISTOGRAMS, MAXIMA, View, source_of
from sinks.queries.spans import Oldest, Plan, Span, plan

Ask = Callable[[str], pa.Table]
"""Runs one statement that weir composed. Raises Unavailable or WeirError."""

BY = ("client", "server", "protocol", "service_port")
BEFORE = "before_"
"""Stands before the names of metrics of the other time."""
_METRIC_COLUMNS: Columns = {name: metric.sql for name, metric in METRICS.items() if metric.sql}


@dataclass(frozen=True)
class Sums:
    """A question. `order`: a metric; the largest come first. `before`: another time, whose groups and sums stand beside those of `span`."""

    span: Span
    by: tuple[str, ...] = BY
    metrics: tuple[str, ...] = DEFAULT
    filter: Node | None = None
    order: str = "bytes"
    limit: int = 100
    view: View = "canonical"
    before: Span | None = None


@dataclass(frozen=True)
class Answer:
    """`rows`: dimensions and metrics of the largest groups. `other`, `total`: one row each, metrics alone. `groups`: how many there are.

    With another time each metric has a second column, BEFORE and its name. The largest are those that are large at either time. A filter by
    metrics lets each time through by itself: both are what they were if asked alone.
    `unnamed_bytes`: of the total of `span`, those of which an end has no name.
    """

    rows: pa.Table
    other: pa.Table
    total: pa.Table
    groups: int
    unnamed_bytes: int
    plan: Plan
    before: Plan | None
    sql: str

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*self.plan.warnings, *(self.before.warnings if self.before else ()))


def ask_sums(ask: Ask, question: Sums, oldest: Oldest) -> Answer:
    parts = split(question.filter)
    levels = source_of(dimensions_of(parts.where) | set(question.by), question.view).levels
    now = plan(question.span, levels, oldest)
    before = plan(question.before, levels, oldest) if question.before else None
    sums = base_sums((*question.metrics, *metrics_of(parts.having), question.order, "bytes"))
    having = condition(parts.having, _METRIC_COLUMNS)
    groups = [
        f"SELECT * FROM ({grouped(one.pieces, question.by, parts.where, sums, question.view)}) WHERE {having}"  # noqa: S608
        for one in (now, before)
        if one
    ]
    statement = _largest(question, _joined(question.by, sums, groups), sums)
    return _answer(question, now, before, statement, ask(statement), sums)


def _joined(by: Sequence[str], sums: Sequence[str], groups: Sequence[str]) -> str:
    """Groups of two times as one row each. Those of one time are as they are."""
    if len(groups) == 1:
        return groups[0]
    keys = ", ".join(f"d_{name}" for name in by)
    head = f"SELECT {keys}, " if by else "SELECT "
    here = ", ".join(["unnamed_bytes", *sums, *(f"{zero(name)} AS {BEFORE}{name}" for name in sums)])
    there = ", ".join(["toUInt64(0)", *(zero(name) for name in sums), *sums])
    added = ["sum(unnamed_bytes) AS unnamed_bytes"]
    added += [f"{combine(name, prefix)} AS {prefix}{name}" for prefix in ("", BEFORE) for name in sums]
    both = f"{head}{here} FROM ({groups[0]}) UNION ALL {head}{there} FROM ({groups[1]})"
    return f"{head}{', '.join(added)} FROM ({both})" + (f" GROUP BY {keys}" if by else "")


def _largest(question: Sums, groups: str, sums: Sequence[str]) -> str:
    """One row for each of the largest groups, and one for all others."""
    by = [f"d_{name}" for name in question.by]
    keys = ", ".join(by) or "tuple()"
    prefixes = _prefixes(question)
    largest = [METRICS[question.order].sql_of(prefix) for prefix in prefixes]
    order = largest[0] if len(largest) == 1 else f"greatest({', '.join(f'ifNull({one}, 0)' for one in largest)})"
    place = f"least(row_number() OVER (ORDER BY {order} DESC, {keys}), {question.limit + 1})"
    shown = [f"any({name}) AS {name}" for name in by]
    shown += [f"{combine(name, prefix)} AS {prefix}{name}" for prefix in prefixes for name in sums]
    return (
        f"SELECT place, any(groups) AS groups, sum(unnamed_bytes) AS unnamed_bytes, {', '.join(shown)} FROM ("  # noqa: S608
        f"SELECT *, {place} AS place, count() OVER () AS groups FROM ({groups})) GROUP BY place ORDER BY place"
    )


def _prefixes(question: Sums) -> tuple[str, ...]:
    return ("", BEFORE) if question.before else ("",)


def _answer(question: Sums, now: Plan, before: Plan | None, statement: str, found: pa.Table, sums: Sequence[str]) -> Answer:
    places = found.column("place").to_pylist()
    shown = sum(place <= question.limit for place in places)
    top, rest = found.slice(0, shown), found.slice(shown)
    columns = [f"{prefix}{name}" for prefix in _prefixes(question) for name in sums]
    return Answer(
        with_dimensions(top, question.by, _metrics(question, top)),
        pa.table(dict(_metrics(question, _one(rest, columns)))),
        pa.table(dict(_metrics(question, _one(found, columns)))),
        found.column("groups")[0].as_py() if places else 0,
        sum(found.column("unnamed_bytes").to_pylist()),
        now,
        before,
        statement,
    )


def _metrics(question: Sums, sums: pa.Table) -> Mapping[str, pa.ChunkedArray]:
    found: dict[str, pa.ChunkedArray] = {}
    for prefix in _prefixes(question):
        own = {name.removeprefix(prefix): sums.column(name) for name in sums.column_names if name.startswith(prefix)}
        found |= {f"{prefix}{name}": column for name, column in derive(pa.table(own), question.metrics).items()}
    return found


def _one(found: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The base sums of all rows as one row."""
    values = {name: _total(name.removeprefix(BEFORE), found.column(name).to_pylist()) for name in columns}
    return pa.table({name: pa.array([value], found.schema.field(name).type) for name, value in values.items()})


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
