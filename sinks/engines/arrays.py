"""Arrow's columns of lists as numpy columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.arrays import I64


def list_rows(column: pa.ChunkedArray) -> tuple[I64, NDArray[Any]]:
    """Where each row ends, and the values of all rows one after the other. The column has no nulls."""
    whole = column.combine_chunks()
    lengths = pc.list_value_length(whole).to_numpy(zero_copy_only=False)
    return np.cumsum(lengths, dtype=np.int64), whole.flatten().to_numpy(zero_copy_only=False)
