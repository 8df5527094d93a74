"""Arrow columns as numpy columns, without copies where the memory is laid out alike. For workers: an agent has no Arrow."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import U8


class Coded(NamedTuple):
    """A column of names: row i is texts[codes[i]]."""

    texts: list[str]
    codes: NDArray[Any]


def coded(column: pa.ChunkedArray) -> Coded:
    """A dictionary-coded column, over one dictionary."""
    texts, codes = dictionary(column)
    return Coded(texts.to_pylist(), codes)


def dictionary(column: pa.ChunkedArray) -> tuple[pa.StringArray, NDArray[Any]]:
    """The same with its texts as Arrow has them."""
    whole = column.unify_dictionaries().combine_chunks()
    return whole.dictionary, whole.indices.to_numpy(zero_copy_only=False)


def address_rows(column: pa.ChunkedArray) -> U8:
    """(n, 16) bytes of a column of 16 bytes a row."""
    whole = column.combine_chunks()
    return np.frombuffer(whole.buffers()[1], np.uint8).reshape(-1, 16)[whole.offset : whole.offset + len(whole)]


def numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers or booleans; instants in their own unit, as int64."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: NDArray[Any] = column.to_numpy()
    return values


def lists(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """A column of lists of numbers: n + 1 offsets, and the items of all rows."""
    whole = column.combine_chunks()
    offsets = whole.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], whole.values.to_numpy()[offsets[0] : offsets[-1]]


def cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in another type; texts become numbers of one dictionary."""
    if pa.types.is_dictionary(kind):
        return pa.chunked_array(column.cast(pa.string()).dictionary_encode().unify_dictionaries().chunks, type=kind)
    return column.cast(kind)
