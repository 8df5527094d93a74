"""Answers on the wire: JSON by column, a line a row, CSV, or Arrow. The values are the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv

from schemas.instants import format_instant
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
        return document(json_columns(shown), meta)
    if form == "ndjson":
        columns = json_columns(shown)
        return b"".join(_dumped(dict(zip(columns, row, strict=True))) + b"\n" for row in zip(*columns.values(), strict=True))
    out = pa.BufferOutputStream()
    if form == "csv":
        pa.csv.write_csv(_flat(shown), out)
    else:
        with pa.ipc.new_stream(out, shown.schema.with_metadata({"weir": _dumped(meta)})) as writer:
            writer.write_table(shown)
    return bytes(out.getvalue())


def document(data: Mapping[str, Any], meta: Mapping[str, Any]) -> bytes:
    return _dumped({"data": data, "meta": meta})


def json_columns(table: pa.Table) -> dict[str, list[Any]]:
    return {name: json_values(table.column(name)) for name in table.column_names}


def json_values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return instants(column)
    values: list[Any] = column.to_pylist()
    if pa.types.is_integer(column.type) and column.type.bit_width == 64:
        return [None if value is None else exact(value) for value in values]
    return values


def exact(value: int) -> int | str:
    return value if -EXACT <= value <= EXACT else str(value)


def instants(column: pa.ChunkedArray) -> list[str | None]:
    """RFC 3339."""
    micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    return [None if value is None else format_instant(value) for value in micros]


def _dumped(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)


def _flat(table: pa.Table) -> pa.Table:
    """CSV has no lists: they are JSON in it. Instants are as in JSON."""
    columns = [_flat_column(column) for column in table.columns]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _flat_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pa.chunked_array([pa.array(instants(column), pa.string())])
    if pa.types.is_nested(column.type):
        return pa.chunked_array([pa.array([_dumped(value).decode() for value in column.to_pylist()], pa.string())])
    return column
