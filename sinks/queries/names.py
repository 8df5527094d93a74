"""Values of a dimension, the ones with the most bytes first: what completion offers."""

from __future__ import annotations

import pyarrow as pa

from sinks.engines.quoting import literal
from sinks.filter.fields import FIELDS
from sinks.filter.sql import condition, dimensions_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.grouped import canonical_of, within
from sinks.queries.sources import columns, source_of
from sinks.queries.spans import Oldest, Span, plan


def ask_names(ask: Ask, span: Span, field: str, part: str, where: Node | None, limit: int, oldest: Oldest) -> pa.Table:
    """`name` and `bytes`: values that have `part` in them, in whatever case. `where`: of rows that these let through."""
    ends = FIELDS[field].ends or (field,)
    planned = plan(span, source_of({*ends, *dimensions_of(where)}, "canonical").levels, oldest)
    spans: dict[str, list[Span]] = {}
    for piece in planned.pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    rows = []
    for table, found in spans.items():
        known = columns(table)
        values = ", ".join(f"toString({known[end]})" for end in ends)
        sent = f"toUInt64({known['bytes_sent']} + {known['bytes_received']})"
        rows.append(
            f"SELECT arrayJoin([{values}]) AS name, {sent} AS m_bytes FROM weir.{table} "  # noqa: S608 (composed of weir's own names)
            f"WHERE {within(found)}{canonical_of(table, 'canonical')} AND {condition(where, known)}"
        )
    return ask(
        f"SELECT name, sum(m_bytes) AS bytes FROM ({' UNION ALL '.join(rows)}) "  # noqa: S608
        f"WHERE name != '' AND positionCaseInsensitiveUTF8(name, {literal(part)}) > 0 "
        f"GROUP BY name ORDER BY startsWith(lower(name), lower({literal(part)})) DESC, bytes DESC, name LIMIT {limit}"
    )
