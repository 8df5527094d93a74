"""Which pairs of ends fail, rather than that a connection of theirs failed once among thousands."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

SHARE = 0.01
FEW = 3
"""A pair fails where 1 % of its connections do: three at least, or all that were tried."""


def fails(pairs: pa.Table) -> pa.Array:
    """1 or 0 for each row, as uint64, from `connections_opened` and `connections_failed`. Folded, they add up."""
    opened, failed = (np.asarray(pairs.column(f"connections_{name}").to_numpy(), np.float64) for name in ("opened", "failed"))
    enough = (failed >= FEW) | ((failed > 0) & (opened == 0))
    return pa.array((enough & (failed >= SHARE * (opened + failed))).astype(np.uint64))
