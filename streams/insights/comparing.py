"""Two times of the same question, side by side: what is new, gone, more or less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MORE, LESS = 1.5, 1 / 1.5
"""A group has more, or less, when its sum has changed by this factor."""
STATUSES = ("", "new", "gone", "more", "less")


def side_by_side(now: pa.Table, before: pa.Table, keys: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """A row for each group of either table: the keys, the sums, and `before_` of each sum. A group that is absent has sums of 0."""
    columns = [pa.concat_arrays([part for table in (now, before) for part in table.column(key).chunks]) for key in keys]
    numbers = _numbers(columns, now.num_rows + before.num_rows)
    first = np.unique(numbers, return_index=True)[1]
    found = {key: column.take(pa.array(first)) for key, column in zip(keys, columns, strict=True)}
    for name in sums:
        found[name] = _placed(now, name, numbers[: now.num_rows], len(first))
        found[f"before_{name}"] = _placed(before, name, numbers[now.num_rows :], len(first))
    return pa.table(found)


def status_of(now: NDArray[np.uint64], before: NDArray[np.uint64]) -> list[str]:
    """One of STATUSES, group by group, by its bytes."""
    ratio = np.divide(now, before, out=np.ones(len(now)), where=before > 0)
    chosen = np.select([(before == 0) & (now > 0), (now == 0) & (before > 0), ratio >= MORE, ratio <= LESS], [1, 2, 3, 4], 0)
    return [STATUSES[one] for one in chosen.tolist()]


def _numbers(columns: Sequence[pa.Array], count: int) -> NDArray[np.int64]:
    """Equal numbers where all columns are equal, from 0 on."""
    numbers = np.zeros(count, np.int64)
    for column in columns:
        codes = np.asarray(column.dictionary_encode().indices.to_numpy(zero_copy_only=False), np.int64)
        numbers = np.unique(numbers * (codes.max(initial=0) + 1) + codes, return_inverse=True)[1]
    return numbers


def _placed(table: pa.Table, name: str, numbers: NDArray[np.int64], count: int) -> pa.Array:
    values = np.zeros(count, np.uint64)
    values[numbers] = np.asarray(table.column(name).to_numpy(), np.uint64)
    return pa.array(values)
