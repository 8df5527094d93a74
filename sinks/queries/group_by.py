"""SQL that adds up rows by dimensions, over the pieces of a span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sinks.filter.sql import condition
from sinks.filter.tree import Node
from sinks.queries.metrics import combine
from sinks.queries.sources import HISTOGRAMS, View, canonical_of, columns, within
from sinks.queries.spans import Piece, Span


def grouped(pieces: Sequence[Piece], by: Sequence[str], where: Node | None, sums: Sequence[str], view: View, start: str = "") -> str:
    """SELECT of one row a group: `d_NAME` of each dimension, the base sums, and `unnamed_bytes`: of these, what has an end without a name.

    `start`: SQL of a step's start over `window_start`; then a row a group and `step`, without `unnamed_bytes`.

    Each table is read once, whatever the number of its pieces: reading a statement of six tables takes longer than answering it.
    """
    keys = [*(["step"] if start else []), *(f"d_{name}" for name in by)]
    spans: dict[str, list[Span]] = {}
    for piece in pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    rows = " UNION ALL ".join(_rows(table, found, by, where, sums, view, start) for table, found in spans.items())
    unnamed = [] if start else ["sum(m_unnamed_bytes) AS unnamed_bytes"]
    added = ", ".join([*keys, *(f"{combine(name, 'm_')} AS {name}" for name in sums), *unnamed])
    return f"SELECT {added} FROM ({rows})" + (f" GROUP BY {', '.join(keys)}" if keys else "")  # noqa: S608 (composed of weir's own names)


def _rows(table: str, spans: Sequence[Span], by: Sequence[str], where: Node | None, sums: Sequence[str], view: View, start: str) -> str:
    known = columns(table)
    shown = [f"{start} AS step"] if start else []
    shown += [f"{known[name]} AS d_{name}" for name in by]
    shown += [f"{_wide(name, known[name])} AS m_{name}" for name in sums]
    shown += [] if start else [f"{_unnamed(known)} AS m_unnamed_bytes"]
    asked = "" if where is None else f" AND {condition(where, known)}"
    return f"SELECT {', '.join(shown)} FROM weir.{table} WHERE {within(*spans)}{canonical_of(table, view)}{asked}"  # noqa: S608


def _unnamed(known: Mapping[str, str]) -> str:
    return f"if({known['client']} = '' OR {known['server']} = '', toUInt64({known['bytes_sent']} + {known['bytes_received']}), 0)"


def _wide(name: str, sql: str) -> str:
    """Raw flows count in 32 bits, rollups in 64."""
    return f"CAST({sql}, 'Array(UInt64)')" if name in HISTOGRAMS else f"toUInt64({sql})"
