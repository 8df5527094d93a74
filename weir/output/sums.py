"""Sums as a table for people: the largest groups, all others as one row, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas.instants import format_instant
from sinks.filter.tree import Node, text
from sinks.queries.edges import Answer
from sinks.queries.status import Completeness
from weir.output import results
from weir.output.tables import printable, show_table

METRICS = ("bytes", "bytes_sent", "bytes_received", "connections_opened", "connections_failed", "retransmits", "rtt_us")
"""What fits onto a terminal beside four dimensions."""


def show_sums(answer: Answer) -> None:
    """Prints to stdout."""
    shown = [list(row) for row in results.rows(answer.rows)]
    dimensions = answer.rows.num_columns - answer.total.num_columns
    if dimensions:
        left_out = answer.groups - answer.rows.num_rows
        if left_out:
            shown.append(_named(f"({left_out:,} others)", dimensions, answer.other))
        shown.append(_named("(total)", dimensions, answer.total))
    show_table(answer.rows.column_names, ([_cell(value) for value in row] for row in shown), results.numeric(answer.rows))


def said_of(answer: Answer, complete: Completeness, excluding: Sequence[Node]) -> str:
    """From which tables, up to when they are complete, and why nothing is there: `excluding` are terms that leave nothing."""
    span = answer.plan.span
    until = instant(min(complete.until_s, span.end_s)) if complete.until_s else "no time: no node has reported"
    said = [f"{instant(span.start_s)} to {instant(span.end_s)}, complete until {until}, from {', '.join(answer.plan.tables)}."]
    said += answer.warnings
    if answer.groups > answer.rows.num_rows:
        said.append(f"{answer.groups - answer.rows.num_rows:,} more groups are not shown: use --limit.")
    if excluding:
        said.append(f"Nothing is left by {' and '.join(printable(text(node)) for node in excluding)}.")
    elif not answer.groups:
        said.append("Nothing is there.")
    return " ".join(said)


def instant(seconds: int) -> str:
    return format_instant(seconds * 1_000_000)


def _named(name: str, dimensions: int, metrics: pa.Table) -> list[Any]:
    (row,) = results.rows(metrics)
    return [name, *[""] * (dimensions - 1), *row]


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else results.text(value)
