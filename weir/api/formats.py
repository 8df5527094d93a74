"""Answers on the wire: JSON by column, a line a row, CSV, or Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv

from sinks.engines.result import readable
from weir.api.parameters import Format

MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}
EXACT = 2**53
"""Integers beyond are text in JSON: a browser's numbers end there."""


def body(table: pa.Table, meta: Mapping[str, Any], form: Format) -> bytes:
    shown = readable(table)
    if form == "json":
        return orjson.dumps({"data": json_columns(shown), "meta": meta}, default=plain)
    if form == "ndjson":
        return b"".join(orjson.dumps(row, default=plain) + b"\n" for row in shown.to_pylist())
    out = pa.BufferOutputStream()
    if form == "csv":
        pa.csv.write_csv(_flat(shown), out)
    else:
        with pa.ipc.new_stream(out, shown.schema.with_metadata({"weir": orjson.dumps(meta, default=plain)})) as writer:
            writer.write_table(shown)
    return bytes(out.getvalue())


def json_columns(table: pa.Table) -> dict[str, list[Any]]:
    return {name: json_values(table.column(name)) for name in table.column_names}


def json_values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_integer(column.type) and column.type.bit_width == 64:
        return [value if value is None or -EXACT <= value <= EXACT else str(value) for value in values]
    return values


def plain(value: object) -> str:
    """For what JSON has no form of. Instants of Arrow are datetimes, which orjson writes as RFC 3339."""
    return str(value)


def _flat(table: pa.Table) -> pa.Table:
    """CSV has no lists: they are JSON in it."""
    columns = [
        pa.chunked_array([pa.array([orjson.dumps(value).decode() for value in column.to_pylist()], pa.string())])
        if pa.types.is_nested(column.type)
        else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)
