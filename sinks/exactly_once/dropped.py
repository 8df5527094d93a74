# ruff: noqa: S608 (every name in these statements is weir's own, everything else a number)
"""A decided block whose messages Kafka dropped before it could be written again: what the tables have of it.

A message has one window, and so all its flows are in one part: a row in `flows` or in the ledger `batches` says that they are all
there. What a message brought nothing new of has no row, and looks as if it had not been written.
"""

from __future__ import annotations

from schemas.records.tables import BlockIdentity
from sinks.engines.base import DATABASE, Engine
from sinks.exactly_once import repair
from sinks.exactly_once.ledger import rows_of


def settle(engine: Engine, decided: BlockIdentity, told: BlockIdentity) -> int | None:
    """See `Sink.settle_dropped`."""
    repair.restore_rollups(engine, decided)
    # By the number alone: `window_start` of the row is when the loss was found, and differs from try to try.
    if engine.query(f"SELECT 1 FROM {DATABASE}.losses WHERE {rows_of(told)} LIMIT 1").num_rows:
        return None
    mine = f"{rows_of(decided)} AND first_offset < {int(told.last_offset)}"
    offsets = " UNION ALL ".join(f"SELECT first_offset FROM {DATABASE}.{table} WHERE {mine}" for table in ("flows", "batches"))
    return int(engine.query(f"SELECT uniqExact(first_offset) AS n FROM ({offsets})").column("n")[0].as_py())
