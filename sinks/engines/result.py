"""Results as people want them: Arrow alone tells neither a DateTime from a number nor an address from 16 bytes."""

from __future__ import annotations

import re
import socket

import pyarrow as pa

TYPE = b"clickhouse_type"
"""The key, in a field's metadata, of the ClickHouse type that the column had."""

_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality|SimpleAggregateFunction)\((?:\w+, )?(.*)\)$")


def with_types(table: pa.Table, types: dict[str, str]) -> pa.Table:
    """The same table, each field marked with its ClickHouse type where that is known."""
    fields = [f.with_metadata({TYPE: types[f.name].encode()}) if f.name in types else f for f in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def bare_type(text: str) -> str:
    """The type inside Nullable, LowCardinality and SimpleAggregateFunction: `IPv6`, `DateTime64(6, 'UTC')`."""
    while match := _WRAPPED.match(text):
        text = match.group(1)
    return text


def readable(table: pa.Table) -> pa.Table:
    """DateTime as a timestamp in UTC, IPv4 and IPv6 as text; everything else as it was. The marks are gone."""
    columns = [_readable(table.column(i), _type_of(field)) for i, field in enumerate(table.schema)]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _type_of(field: pa.Field) -> str:
    return bare_type((field.metadata or {}).get(TYPE, b"").decode())


def _readable(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    if kind == "IPv6":
        return _as_text(column, socket.AF_INET6)
    if kind == "IPv4":
        return _as_text(_network_order(column), socket.AF_INET)
    if kind.startswith("DateTime") and not kind.startswith("DateTime64") and pa.types.is_integer(column.type):
        return column.cast(pa.int64()).cast(pa.timestamp("s", tz="UTC"))
    return column


def _as_text(column: pa.ChunkedArray, family: int) -> pa.ChunkedArray:
    """Each distinct address once: results repeat the same few."""
    if not (pa.types.is_fixed_size_binary(column.type) or pa.types.is_binary(column.type)):
        return column
    coded = column.dictionary_encode().unify_dictionaries()
    chunks = [_decoded(chunk, family) for chunk in coded.chunks]
    return pa.chunked_array(chunks, type=pa.string())


def _decoded(chunk: pa.DictionaryArray, family: int) -> pa.Array:
    texts = pa.array([None if raw is None else socket.inet_ntop(family, raw) for raw in chunk.dictionary.to_pylist()], pa.string())
    return texts.take(chunk.indices)


def _network_order(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_integer(column.type):
        return column
    raw = [None if v is None else int(v).to_bytes(4, "big") for v in column.to_pylist()]
    return pa.chunked_array([pa.array(raw, pa.binary(4))])
