"""Values of a dimension, the ones with the most bytes first: what completion offers."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from sinks.engines.quoting import literal
from sinks.filter.fields import FIELDS
from sinks.filter.sql import condition, dimensions_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.sources import canonical_of, columns, source_of, within
from sinks.queries.spans import Oldest, Span, plan

HOURS_FROM_S = 6 * 3_600
"""A longer span is taken by the hours that it touches, a shorter one by five minutes: what to offer needs no more."""


def ask_names(ask: Ask, span: Span, field: str, part: str, where: Node | None, limit: int, oldest: Oldest) -> pa.Table:
    """`name` and `bytes`: values that have `part` in them, A to Z taken as a to z, those that begin with it first.

    `where`: of rows that these let through. `bytes` are of the hours, or five minutes, that the span touches.
    """
    ends = FIELDS[field].ends or (field,)
    planned = plan(_wide(span), source_of({*ends, *dimensions_of(where)}, "canonical").levels, oldest)
    spans: dict[str, list[Span]] = {}
    for piece in planned.pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    rows = [_sums(table, found, ends, part, where) for table, found in spans.items()]
    return ask(
        f"SELECT toString(arrayJoin([{', '.join(f'e{at}' for at in range(len(ends)))}])) AS name, sum(m_bytes) AS bytes "  # noqa: S608
        f"FROM ({' UNION ALL '.join(rows)}) WHERE name != '' AND {_has('name', part)} "
        f"GROUP BY name ORDER BY startsWith(lower(name), lower({literal(part)})) DESC, bytes DESC, name LIMIT {limit}"
    )


def _wide(span: Span) -> Span:
    unit_s = 3_600 if span.seconds > HOURS_FROM_S else 300
    return Span(span.start_s // unit_s * unit_s, -(-span.end_s // unit_s) * unit_s)


def _sums(table: str, spans: Sequence[Span], ends: Sequence[str], part: str, where: Node | None) -> str:
    """By the ends as they stand in the table: a few thousand rows are left before names are made of them."""
    known = columns(table)
    values = ", ".join(f"toString({known[end]}) AS e{at}" for at, end in enumerate(ends))
    fitting = " OR ".join(_has(f"toString({known[end]})", part) for end in ends)
    sent = f"sum(toUInt64({known['bytes_sent']} + {known['bytes_received']}))"
    return (
        f"SELECT {values}, {sent} AS m_bytes FROM weir.{table} "  # noqa: S608 (composed of weir's own names)
        f"WHERE {within(*spans)}{canonical_of(table, 'canonical')} AND {condition(where, known)} AND ({fitting}) "
        f"GROUP BY {', '.join(f'e{at}' for at in range(len(ends)))}"
    )


def _has(sql: str, part: str) -> str:
    return f"positionCaseInsensitive({sql}, {literal(part)}) > 0"
