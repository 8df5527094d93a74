"""numpy columns as Arrow arrays, without copies where the memory is laid out alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import U8
from schemas.records.histogram import Histogram
from schemas.records.tables import ADDRESS, INSTANT, SAMPLES


def names(index: NDArray[np.generic], texts: Sequence[str]) -> pa.DictionaryArray:
    """Dictionary-coded texts: only those that occur, in order of their number."""
    used, codes = _compact(index, len(texts))
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([texts[number] for number in used.tolist()], pa.string()))


def texts(index: NDArray[np.generic], said: Sequence[str]) -> pa.DictionaryArray:
    """`names` of texts that may stand in the list more than once: a dictionary has each once."""
    place: dict[str, int] = {}
    number = np.array([place.setdefault(text, len(place)) for text in said], np.int64)
    return names(number[index], list(place))


def constant(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text], pa.string()))


def instants(us: NDArray[np.int64]) -> pa.Array:
    return pa.Array.from_buffers(INSTANT, len(us), [None, pa.py_buffer(np.ascontiguousarray(us))])


def addresses(ip: U8) -> pa.Array:
    """(n, 16) bytes."""
    return pa.Array.from_buffers(ADDRESS, len(ip), [None, pa.py_buffer(np.ascontiguousarray(ip))])


def histograms(histogram: Histogram, rows: int) -> pa.Array:
    """One list of samples a flow."""
    offsets, values = histogram.lists(rows)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values), type=SAMPLES)


def table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """Columns by name, in the schema's order; numpy arrays are taken as they are, and must have the schema's types."""
    arrays = [columns[name] if isinstance(columns[name], pa.Array) else pa.array(columns[name]) for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)


def _compact(index: NDArray[np.generic], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The numbers below `size` that occur, and the rows in terms of them."""
    seen = np.zeros(size, np.bool_)
    seen[index] = True
    used = np.flatnonzero(seen)
    code = np.zeros(size, np.int32)
    code[used] = np.arange(len(used), dtype=np.int32)
    return used, code[index]
