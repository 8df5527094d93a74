"""Results as people want them: Arrow alone tells neither a DateTime from a number nor an address from 16 bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from sinks.engines.types import Type, arrow_field, is_known, parse_type
from sinks.engines.values import converter, text

TYPE = b"clickhouse_type"
"""The key, in a field's metadata, of the ClickHouse type that the column had."""

_AS_THEY_ARE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Bool", "Date", "Date32")


def with_types(table: pa.Table, types: Mapping[str, str] | Sequence[str]) -> pa.Table:
    """The same table, each field marked with its ClickHouse type where that is known. A sequence has one for each column."""
    if not isinstance(types, Mapping):
        marks = list(types)
    else:
        marks = [types.get(field.name, "") for field in table.schema]
    fields = [f.with_metadata({TYPE: mark.encode()}) if mark else f for f, mark in zip(table.schema, marks, strict=True)]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def with_text(table: pa.Table) -> pa.Table:
    """The same table, its columns of text as strings where the engine gave bytes; parts of lists, tuples and maps stay bytes."""
    columns = [_as_text(table.column(i)) if _is_text(field) else table.column(i) for i, field in enumerate(table.schema)]
    fields = [field.with_type(column.type) for field, column in zip(table.schema, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def readable(table: pa.Table) -> pa.Table:
    """Instants as timestamps in UTC, addresses, enums and text as text, at any depth. The marks are gone.

    Integers of 128 and 256 bits are text in fields marked `types.WIDE_MARK`.
    """
    pairs = [_readable(table.column(i), field) for i, field in enumerate(table.schema)]
    return pa.Table.from_arrays([column for column, _ in pairs], schema=pa.schema([field for _, field in pairs]))


def _readable(column: pa.ChunkedArray, field: pa.Field) -> tuple[pa.ChunkedArray, pa.Field]:
    name = (field.metadata or {}).get(TYPE, b"").decode()
    kind = parse_type(name)
    fast = _fast(column, kind) if name else column
    if fast is not None:
        return fast, pa.field(field.name, fast.type)
    if not is_known(kind):
        return column, pa.field(field.name, column.type)
    shown = arrow_field(field.name, kind)
    values = list(map(converter(kind), column.to_pylist()))
    return pa.chunked_array([pa.array(values, shown.type)]), shown


def _fast(column: pa.ChunkedArray, kind: Type) -> pa.ChunkedArray | None:
    """Of the frequent types, whole columns at a time; None for the others."""
    if kind.name in _AS_THEY_ARE or kind.name.startswith("Decimal"):
        return column
    if kind.name == "String":
        return _as_text(column)
    if kind.name in ("IPv6", "IPv4"):
        return _addresses(column, kind.name)
    if kind.name == "DateTime" and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    if kind.name.startswith("DateTime") and pa.types.is_timestamp(column.type):
        exact = column.type.unit != "ns"
        return column.cast(pa.timestamp(column.type.unit if exact else "us", tz="UTC"), safe=exact)
    return None


def _is_text(field: pa.Field) -> bool:
    mark = (field.metadata or {}).get(TYPE, b"").decode()
    return pa.types.is_binary(field.type) and (not mark or parse_type(mark).name == "String")


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text; where bytes are not UTF-8, these as \\xff."""
    if pa.types.is_dictionary(column.type):
        return column
    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        raw = column.cast(pa.binary()).to_pylist()
        return pa.chunked_array([pa.array([None if value is None else text(value) for value in raw], pa.string())])


def _addresses(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray | None:
    """Each distinct address once: results repeat the same few."""
    if pa.types.is_string(column.type):
        return column
    coded = column.dictionary_encode().unify_dictionaries()
    convert = converter(Type(name))
    chunks = [pa.array(list(map(convert, chunk.dictionary.to_pylist())), pa.string()).take(chunk.indices) for chunk in coded.chunks]
    return pa.chunked_array(chunks, type=pa.string())
