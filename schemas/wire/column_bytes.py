"""Columns as bytes and back: integers in byte planes, addresses as they are, histograms as lists of buckets. Nothing loops over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U8
from schemas.errors import Unreadable
from schemas.records.flow_batch import FLOW_DTYPES, HISTOGRAMS, FlowColumns, HeartbeatColumns
from schemas.records.histogram import Histogram
from schemas.records.validation import ADDRESS_COLUMNS

_LATER = ("connections_refused", "connections_timed_out", "remote_domain")
FIRST_DTYPES = {name: dtype for name, dtype in FLOW_DTYPES.items() if name not in _LATER}
"""Columns of the record FlowColumns; those that came later, and the histograms, are in MoreColumns."""
_LATER_DTYPES = {name: FLOW_DTYPES[name] for name in _LATER}
_SAMPLES = np.dtype("<u4")


def column_bytes(columns: FlowColumns | HeartbeatColumns, dtypes: dict[str, np.dtype[Any]]) -> dict[str, Any]:
    """A record of columns, for fastavro. A column of another type is a mistake of the caller's: TypeError, rather than wrapping around."""
    record: dict[str, Any] = {"rows": len(columns)}
    for name, dtype in dtypes.items():
        column = getattr(columns, name).astype(dtype, casting="safe", copy=False)
        record[name] = column.tobytes() if name in ADDRESS_COLUMNS else _planes(column)
    return record


def columns_of(dtypes: dict[str, np.dtype[Any]], record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a record, read-only. Raises Unreadable where one has another length than its rows need."""
    rows = record["rows"]
    return {name: _column(name, dtype, record[name], rows) for name, dtype in dtypes.items()}


def more_bytes(flows: FlowColumns) -> dict[str, Any]:
    """The record MoreColumns. What is 0 in every row has no bytes."""
    columns = {name: getattr(flows, name).astype(FLOW_DTYPES[name], casting="safe", copy=False) for name in _LATER}
    record: dict[str, Any] = {name: _planes(column) if column.any() else b"" for name, column in columns.items()}
    return record | {name: _histogram_bytes(getattr(flows, name), len(flows)) for name in HISTOGRAMS}


def more_columns(record: dict[str, Any], rows: int) -> dict[str, Any]:
    """The columns and histograms of a record MoreColumns, read-only. Raises Unreadable."""
    columns: dict[str, Any] = {
        name: _column(name, dtype, record[name], rows) if record[name] else np.broadcast_to(np.zeros((), dtype), rows)
        for name, dtype in _LATER_DTYPES.items()
    }
    return columns | {name: _histogram(name, record[name], rows) for name in HISTOGRAMS}


def _column(name: str, dtype: np.dtype[Any], data: bytes, rows: int) -> NDArray[Any]:
    wide = name in ADDRESS_COLUMNS
    width = 16 if wide else dtype.itemsize
    if rows < 0 or len(data) != rows * width:
        raise Unreadable(f"Column {name} has {len(data)} bytes where {rows} rows of {width} bytes need {rows * width}.")
    raw = np.frombuffer(data, np.uint8)
    column = raw.reshape(rows, 16) if wide else _from_planes(raw, dtype, rows)
    column.flags.writeable = False
    return column


def _from_planes(raw: U8, dtype: np.dtype[Any], rows: int) -> NDArray[Any]:
    return np.ascontiguousarray(raw.reshape(dtype.itemsize, rows).T).view(dtype).reshape(rows)


def _planes(column: NDArray[Any]) -> bytes:
    """The lowest byte of every row, then the second lowest of every row, and so on: a fifth less after compression."""
    planes: bytes = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), column.itemsize).T.tobytes()
    return planes


def _histogram_bytes(histogram: Histogram, rows: int) -> dict[str, bytes]:
    if not len(histogram):
        return {"buckets": b"", "bucket": b"", "samples": b""}
    buckets = histogram.lengths(rows).astype(np.uint8)
    return {
        "buckets": buckets.tobytes(),
        "bucket": histogram.bucket.tobytes(),
        "samples": _planes(histogram.samples.astype(_SAMPLES, copy=False)),
    }


def _histogram(name: str, record: dict[str, bytes], rows: int) -> Histogram:
    buckets = np.frombuffer(record["buckets"] or bytes(rows), np.uint8)
    bucket = np.frombuffer(record["bucket"] or b"", np.uint8)  # fastavro gives the default of a writer's missing bytes as text
    size, said = len(bucket), int(buckets.sum())
    if len(buckets) != rows or said != size or len(record["samples"]) != size * _SAMPLES.itemsize:
        raise Unreadable(
            f"The histogram {name} counts {said} buckets of {len(buckets)} flows, and has {size}, with {len(record['samples'])} bytes of"
            f" samples; {rows} flows need a count each, and each bucket {_SAMPLES.itemsize} bytes."
        )
    row = np.repeat(np.arange(rows, dtype=np.uint32), buckets)
    samples = _from_planes(np.frombuffer(record["samples"] or b"", np.uint8), _SAMPLES, size)
    for column in (row, samples):
        column.flags.writeable = False
    return Histogram(row, bucket, samples)
