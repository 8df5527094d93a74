"""Two times of the same groups, side by side: what is new, gone, failing, more or less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

CHANGE = 1.5
"""A group has more, or less, when its bytes have changed by this factor; it is failing when its share of failures has, and is worth it."""
FAILING_SHARE = 0.01
STATUSES = ("", "gone", "failing", "new", "more", "less")
SUMS = ("bytes", "connections_opened", "connections_failed")
"""What a status follows from."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Time:
    """Of each group: bytes, and the share of connections that failed of those tried."""

    bytes: Floats
    failing: Floats


def statuses(table: pa.Table, before: str) -> list[str]:
    """One of STATUSES for each row, which has SUMS, and SUMS of the other time under the prefix `before`. The first that fits:

    gone, where there is nothing now; failing, where 1 % of the connections fail, and half as much again as before; new, where there was
    nothing; more and less, by the bytes.
    """
    now, then = _time(table, ""), _time(table, before)
    ratio = np.divide(now.bytes, then.bytes, out=np.ones(table.num_rows), where=then.bytes > 0)
    fits = [
        (now.bytes == 0) & (then.bytes > 0),
        (now.failing >= FAILING_SHARE) & (now.failing > CHANGE * then.failing),
        (now.bytes > 0) & (then.bytes == 0),
        ratio >= CHANGE,
        ratio <= 1 / CHANGE,
    ]
    return [STATUSES[one] for one in np.select(fits, range(1, 6), 0).tolist()]


def _time(table: pa.Table, prefix: str) -> Time:
    size, opened, failed = (np.asarray(table.column(f"{prefix}{name}").to_numpy(), np.float64) for name in SUMS)
    tried = opened + failed
    return Time(size, np.divide(failed, tried, out=np.zeros(len(tried)), where=tried > 0))
