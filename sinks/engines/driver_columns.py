"""Arrow columns to clickhouse-driver's lists and back. The driver takes and gives Python values, a list a column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from sinks.engines.result import bare_type

_NUMBERS = {
    **{f"UInt{bits}": pa.type_for_alias(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": pa.type_for_alias(f"int{bits}") for bits in (8, 16, 32, 64)},
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "Bool": pa.bool_(),
    "String": pa.string(),
}


def to_driver(column: pa.ChunkedArray, clickhouse_type: str) -> list[Any]:
    """The values of one column as the driver writes them fastest: instants as numbers, addresses as 16 bytes."""
    kind = bare_type(clickhouse_type)
    if pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        return _list(micros if kind.startswith("DateTime64") else micros // 1_000_000)
    if pa.types.is_dictionary(column.type):
        return [name for chunk in column.chunks for name in _names(chunk)]
    if pa.types.is_integer(column.type) and not column.null_count:
        return _list(column.to_numpy())
    return list(column.to_pylist())


def from_driver(values: Sequence[Any], clickhouse_type: str, server_zone: str | None) -> pa.Array:
    """One column of an answer as Arrow; what has no counterpart becomes text."""
    kind = bare_type(clickhouse_type)
    if kind in _NUMBERS:
        return pa.array([_text(v) for v in values] if kind == "String" else list(values), _NUMBERS[kind])
    if kind in ("IPv6", "IPv4"):
        return pa.array([None if v is None else v.packed for v in values], pa.binary(16 if kind == "IPv6" else 4))
    if kind.startswith("DateTime"):
        return _instants(values, kind, server_zone)
    try:
        return pa.array(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _instants(values: Sequence[datetime | None], kind: str, server_zone: str | None) -> pa.Array:
    """The driver gives local times of the column's zone, or of the server's where the column has none."""
    unit = "us" if kind.startswith("DateTime64") else "s"
    zone: tzinfo = ZoneInfo(kind.split("'")[1] if "'" in kind else server_zone or "UTC")
    aware = [None if v is None else (v if v.tzinfo else v.replace(tzinfo=zone)).astimezone(UTC) for v in values]
    return pa.array(aware, pa.timestamp(unit, tz="UTC"))


def _names(chunk: pa.DictionaryArray) -> list[Any]:
    if chunk.null_count:
        return list(chunk.to_pylist())
    return _list(np.array(chunk.dictionary.to_pylist(), dtype=object)[chunk.indices.to_numpy()])


def _list(values: np.ndarray[Any, Any]) -> list[Any]:
    return list(values.tolist())


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
