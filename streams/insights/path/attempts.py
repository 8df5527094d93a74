"""What the connections between two ends did, added up: how many, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.arrays import I64

COUNTS = ("opened", "failed", "refused", "timed_out", "reset", "retransmits", "packets_sent", "packets_received", "bytes")
"""Columns of rows, beside `start` (UTC seconds), `first_us` and `last_us` (of packets), `node`, `zone`, `role` and `server`."""


@dataclass(frozen=True)
class Attempts:
    """Sums over windows, and instants in UTC microseconds; None: there was none.

    The order within a window is not known. `failed_after`: in windows behind that of the last success; `failed_beside`: in the same one;
    `failed_before`: in those before it. `opened_*`: the same of successes and the last failure. `failing_since_us`: the first failure of
    `failed_after`. `answered`: packets came back. `unanswered_since_us`: none has since, packets were sent again, and nothing is decided.
    """

    opened: int = 0
    failed: int = 0
    refused: int = 0
    timed_out: int = 0
    reset: int = 0
    bytes: int = 0
    packets_sent: int = 0
    first_success_us: int | None = None
    last_success_us: int | None = None
    first_failure_us: int | None = None
    last_failure_us: int | None = None
    failing_since_us: int | None = None
    failed_before: int = 0
    failed_beside: int = 0
    failed_after: int = 0
    opened_before: int = 0
    opened_after: int = 0
    answered: bool = False
    unanswered_since_us: int | None = None

    @property
    def tried(self) -> int:
        return self.opened + self.failed

    @property
    def last_us(self) -> int | None:
        """Of the last attempt that was decided."""
        return max((at for at in (self.last_success_us, self.last_failure_us) if at is not None), default=None)


def attempts(rows: pa.Table) -> Attempts:
    """Of rows of the client's side, in any order."""
    if not rows.num_rows:
        return Attempts()
    counts = {name: np.asarray(rows[name].to_numpy(), np.int64) for name in (*COUNTS, "start", "first_us", "last_us")}
    start, opened, failed = counts["start"], counts["opened"], counts["failed"]
    last_success, last_failure = _last(start, opened), _last(start, failed)
    failing = (failed > 0) & (start > last_success) & bool(opened.any())
    return Attempts(
        **{name: int(counts[name].sum()) for name in ("opened", "failed", "refused", "timed_out", "reset", "bytes", "packets_sent")},
        first_success_us=_least(counts["first_us"], opened > 0),
        last_success_us=_most(counts["last_us"], opened > 0),
        first_failure_us=_least(counts["first_us"], failed > 0),
        last_failure_us=_most(counts["last_us"], failed > 0),
        failing_since_us=_least(counts["first_us"], failing),
        failed_before=int(failed[start < last_success].sum()),
        failed_beside=int(failed[start == last_success].sum()),
        failed_after=int(failed[failing].sum()),
        opened_before=int(opened[start < last_failure].sum()),
        opened_after=int(opened[start > last_failure].sum()) if failed.any() else 0,
        answered=bool((counts["packets_received"] > 0).any()),
        unanswered_since_us=_unanswered(counts),
    )


def _unanswered(counts: dict[str, I64]) -> int | None:
    """A packet that is sent again waits for an answer; a last acknowledgement, alone in its window, does not."""
    behind = counts["start"] > _last(counts["start"], counts["packets_received"])
    waits = behind & (counts["packets_sent"] > 0)
    if counts["failed"][behind].any() or not (counts["retransmits"][waits].any() or behind.all()):
        return None
    return _least(counts["first_us"], waits)


def _last(start: I64, counted: I64) -> int:
    """The last window in which something was counted; before all windows where nothing was."""
    return int(start[counted > 0].max(initial=-1))


def _least(instants: I64, where: NDArray[np.bool_]) -> int | None:
    return int(instants[where].min()) if where.any() else None


def _most(instants: I64, where: NDArray[np.bool_]) -> int | None:
    return int(instants[where].max()) if where.any() else None
