"""Which state the tables are in: what a cache may know an answer by.

The past can be rewritten: by late flows, each of which comes with its batch, and by recomputations. `batches` is written last of a block's
tables, so that what its count tells of can be read in all others.
"""

from __future__ import annotations

from dataclasses import dataclass

from sinks.queries.edges import Ask
from sinks.queries.spans import Span

_DAY_S = 86_400
_DAYS = (
    "SELECT toInt64(toUnixTimestamp(toDateTime(toDate(window_start), 'UTC'))) AS day, toInt64(count()) AS batches "
    "FROM weir.batches GROUP BY day"
)
_RECOMPUTED = "SELECT toInt64(count()) AS steps FROM weir.recomputations"


@dataclass(frozen=True)
class Generation:
    """`batches`: of each UTC day (its first second), how many are in. `recomputed`: rows of `recomputations`."""

    batches: tuple[tuple[int, int], ...]
    recomputed: int

    @property
    def state(self) -> str:
        """The same as long as nothing at all has come."""
        return f"{self.recomputed};{sum(count for _, count in self.batches)}"

    def of(self, span: Span) -> str:
        """The same as long as nothing has come that a question over the span could see."""
        first, last = span.start_s // _DAY_S * _DAY_S, span.end_s
        touched = ",".join(f"{day}:{count}" for day, count in self.batches if first <= day < last)
        return f"{self.recomputed};{touched}"


def ask_generation(ask: Ask) -> Generation:
    days = ask(_DAYS).to_pylist()
    recomputed = ask(_RECOMPUTED).to_pylist()[0]["steps"]
    return Generation(tuple(sorted((row["day"], row["batches"]) for row in days)), recomputed)
