"""Why an answer is empty: which of the parts of its filter let nothing through.

A part is at fault that lets through nothing by itself; where each lets something through, one without which something would be left;
where there is none of these either, all are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sinks.filter.sql import condition, metrics_of, split
from sinks.filter.tree import Node, both, joined
from sinks.queries.edges import Ask, Sums
from sinks.queries.flows import known_columns
from sinks.queries.group_by import grouped
from sinks.queries.metrics import METRICS, base_sums
from sinks.queries.sources import View, canonical_of, columns, within
from sinks.queries.spans import Piece, Span


@dataclass(frozen=True)
class _Found:
    """`rows`: how many there are at all. `passed`: how many fulfil all parts. By part: how many fulfil it, and how many all others."""

    rows: int
    passed: int
    alone: tuple[int, ...]
    without: tuple[int, ...]

    def guilty(self) -> list[int]:
        if not self.rows or self.passed:
            return []
        every = range(len(self.alone))
        return [at for at in every if not self.alone[at]] or [at for at in every if self.without[at]] or list(every)


def excluding_sums(ask: Ask, question: Sums, parts: Sequence[Node], scope: Node | None, pieces: Sequence[Piece]) -> tuple[Node, ...]:
    """Those of `parts` that leave no group of a question over `pieces`; none where nothing is there to be left.

    `scope` is no part: what it lets through is all that there is. One statement, and one more where sums are at fault.
    """
    halves = [split(part) for part in parts]
    dimensions = {at: half.where for at, half in enumerate(halves) if half.where is not None}
    metrics = {at: half.having for at, half in enumerate(halves) if half.having is not None}
    if dimensions:
        rows = [_rows(piece, list(dimensions.values()), scope, question.view) for piece in pieces]
        found = _count(ask, rows, len(dimensions))
        if not found.passed or not metrics:
            return _chosen(parts, list(dimensions), found)
    if not metrics:
        return ()
    where = both(joined(list(dimensions.values())), scope)
    known = {name: METRICS[name].sql for name in metrics_of(joined(list(metrics.values())))}
    groups = grouped(pieces, question.by, where, base_sums(known), question.view)
    flags = _flags([condition(half, known) for half in metrics.values()])
    return _chosen(parts, list(metrics), _count(ask, [f"SELECT {flags} FROM ({groups})"], len(metrics)))  # noqa: S608 (weir's own names)


def excluding_flows(ask: Ask, span: Span, parts: Sequence[Node], scope: Node | None, view: View) -> tuple[Node, ...]:
    """The same of raw flows, of which every part speaks row by row."""
    known = known_columns()
    flags = _flags([condition(part, known) for part in parts])
    rows = f"SELECT {flags} FROM weir.flows WHERE {within(span)}{canonical_of('flows', view)} AND {condition(scope, known)}"  # noqa: S608 (weir's own names)
    return _chosen(parts, list(range(len(parts))), _count(ask, [rows], len(parts))) if parts else ()


def _rows(piece: Piece, parts: Sequence[Node], scope: Node | None, view: View) -> str:
    known = columns(piece.table)
    flags = _flags([condition(part, known) for part in parts])
    return (
        f"SELECT {flags} FROM weir.{piece.table} WHERE {within(piece.span)}{canonical_of(piece.table, view)} AND {condition(scope, known)}"  # noqa: S608
    )


def _flags(conditions: Sequence[str]) -> str:
    return ", ".join(f"toUInt8({sql}) AS p{at}" for at, sql in enumerate(conditions))


def _count(ask: Ask, rows: Sequence[str], parts: int) -> _Found:
    every = range(parts)
    fulfilled = " + ".join(f"p{at}" for at in every)
    alone = [f"countIf(p{at}) AS a{at}" for at in every]
    without = [f"countIf({fulfilled} - p{at} = {parts - 1}) AS w{at}" for at in every]
    counts = ", ".join(["count() AS rows", f"countIf({fulfilled} = {parts}) AS passed", *alone, *without])
    row = ask(f"SELECT {counts} FROM ({' UNION ALL '.join(rows)})").to_pylist()[0]  # noqa: S608
    return _Found(row["rows"], row["passed"], tuple(row[f"a{at}"] for at in every), tuple(row[f"w{at}"] for at in every))


def _chosen(parts: Sequence[Node], places: Sequence[int], found: _Found) -> tuple[Node, ...]:
    return tuple(parts[places[at]] for at in found.guilty())
