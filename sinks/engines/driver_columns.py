"""Arrow columns to clickhouse-driver's lists and back. The driver takes and gives Python values, a list a column."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sinks.engines.arrays import list_rows
from sinks.engines.types import SAME, arrow_field, is_known, parse_type
from sinks.engines.values import converter


def to_driver(column: pa.ChunkedArray, clickhouse_type: str) -> list[Any]:
    """The values of one column as the driver writes them fastest: instants as numbers, addresses as 16 bytes."""
    kind = parse_type(clickhouse_type).name
    if pa.types.is_timestamp(column.type):
        micros = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        return _list(micros if kind.startswith("DateTime64") else micros // 1_000_000)
    if pa.types.is_dictionary(column.type):
        return [name for chunk in column.chunks for name in _names(chunk)]
    if pa.types.is_map(column.type):
        return [dict(pairs) for pairs in column.to_pylist()]
    if pa.types.is_list(column.type) and not column.null_count:
        ends, values = list_rows(column)
        flat = _list(values)
        return [flat[begin:end] for begin, end in itertools.pairwise([0, *ends.tolist()])]
    if pa.types.is_integer(column.type) and not column.null_count:
        return _list(column.to_numpy())
    return list(column.to_pylist())


def from_driver(values: Sequence[Any], clickhouse_type: str, server_zone: str | None) -> pa.Array:
    """One column of an answer as Arrow, IPv6 as its 16 bytes, as the embedded engine has it; what has no counterpart becomes text.

    The driver gives local times of the column's zone, or of the server's where the column has none.
    """
    kind = parse_type(clickhouse_type)
    try:
        if kind.name in SAME:
            return pa.array(list(values), SAME[kind.name])
        if kind.name == "IPv6":
            return pa.array([None if value is None else value.packed for value in values], pa.binary(16))
        if is_known(kind):
            return pa.array(list(map(converter(kind, server_zone or "UTC"), values)), arrow_field("", kind).type)
        return pa.array(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _names(chunk: pa.DictionaryArray) -> list[Any]:
    if chunk.null_count:
        return list(chunk.to_pylist())
    return _list(np.array(chunk.dictionary.to_pylist(), dtype=object)[chunk.indices.to_numpy()])


def _list(values: np.ndarray[Any, Any]) -> list[Any]:
    return list(values.tolist())
