"""Query results as text: Arrow columns become JSON lines, CSV or a table, a chunk of rows at a time.

Integers stay numbers of full width, instants are RFC 3339 in UTC, truth is true or false.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from sinks.engines.types import WIDE_MARK

Convert = Callable[[Any], Any]
CHUNK_ROWS = 4_096
TABLE_ROWS = 10_000
"""A table for people ends here; csv and json have no end of their own."""


def json_lines(result: pa.Table) -> Iterator[str]:
    """One object a row, as text without a line end."""
    names = result.column_names
    for row in rows(result):
        yield orjson.dumps(dict(zip(names, row, strict=True)), default=_decimal).decode()


def csv_lines(result: pa.Table) -> Iterator[str]:
    """A line of names, then the rows; nulls are empty, truth is true or false, nested values are JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)  # with its own \r\n as the end, it quotes either within a cell
    writer.writerow(result.column_names)
    yield _taken(buffer)
    for row in rows(result):
        writer.writerow([text(value) for value in row])
        yield _taken(buffer)


def text(value: Any) -> str:
    """A value as one cell of CSV or of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return orjson.dumps(value, default=_decimal).decode() if isinstance(value, list | dict) else str(value)


def numeric(result: pa.Table) -> list[bool]:
    """Which columns hold numbers."""
    return [_is_number(field) for field in result.schema]


def _is_number(field: pa.Field) -> bool:
    wide = (field.metadata or {}).items() >= WIDE_MARK.items()
    return wide or pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)


def rows(result: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Rows of values that JSON knows: None, bool, int, float, Decimal, str, list and dict."""
    converters = [_converter(field) for field in result.schema]
    for batch in result.to_batches(max_chunksize=CHUNK_ROWS):
        yield from zip(*map(_column, batch.columns, converters), strict=True)


def _column(column: pa.Array, convert: Convert | None) -> list[Any]:
    values = column.to_pylist()
    return values if convert is None else [None if value is None else convert(value) for value in values]


def _converter(field: pa.Field) -> Convert | None:
    """By the type's whole tree; None where Python's value is JSON's."""
    kind = field.type
    if isinstance(kind, pa.DictionaryType):
        return _converter(field.with_type(kind.value_type))
    if (field.metadata or {}).items() >= WIDE_MARK.items():
        return Decimal
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return None
    if pa.types.is_timestamp(kind):
        return _seconds if kind.unit == "s" else instant
    if pa.types.is_map(kind):
        return _mapping(_part(kind.key_field), _part(kind.item_field))
    if pa.types.is_list(kind):
        inner = _part(kind.value_field)
        return lambda values: [inner(value) for value in values]
    if pa.types.is_struct(kind):
        parts = [_part(kind.field(index)) for index in range(kind.num_fields)]
        return lambda value: dict(zip(value, (part(item) for part, item in zip(parts, value.values(), strict=True)), strict=True))
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json":
        return _json
    return plain


def _part(field: pa.Field) -> Convert:
    convert = _converter(field)
    return lambda value: value if value is None or convert is None else convert(value)


def _mapping(key: Convert, item: Convert) -> Convert:
    return lambda pairs: {text(key(name)): item(value) for name, value in pairs}


def _json(value: str) -> Any:
    try:
        return plain(orjson.loads(value))
    except orjson.JSONDecodeError:
        return value


def plain(value: Any) -> Any:
    """Any value in the words of JSON. The sink has made text of addresses already."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, dict):
        return {text(plain(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value if isinstance(value, str | int | None) else _other(value)


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond. An instant without a zone is taken for UTC."""
    utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(value: datetime) -> str:
    return f"{instant(value)[:19]}Z"


def _other(value: Any) -> Any:
    return value if isinstance(value, Decimal) and value.is_finite() else str(value)


def _decimal(value: Decimal) -> orjson.Fragment:
    return orjson.Fragment(str(value))


def _taken(buffer: io.StringIO) -> str:
    line = buffer.getvalue().removesuffix("\r\n")
    buffer.seek(0)
    buffer.truncate()
    return line
