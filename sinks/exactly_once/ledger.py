"""Reading back what has been applied, so that a worker can remember repeats that an earlier worker saw.

All three statements look at one partition of one topic, and no further back than the dedup horizon behind each node's newest
window: what is older is refused as late, remembered or not. The rows of a block that was decided but not committed are
left out: that block is built again as it was. Everything else counts, wherever Kafka is going to be read from, so that a
rewound consumer group finds nothing new, also in messages that it cuts into other blocks than before.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.arrow import cast
from schemas.records.tables import BATCHES, FLOWS, LOSSES, BlockIdentity
from sinks.engines.base import Engine
from sinks.engines.quoting import quoted

_KEY_NAMES = (
    "node_id",
    "epoch",
    "window_start",
    "network",
    "local_ip",
    "remote_ip",
    "service_port",
    "protocol",
    "role",
    "local_workload",
)
FLOW_KEYS = pa.schema([FLOWS.field(name) for name in _KEY_NAMES])
"""The columns that a flow is recognised by."""

# A recording does not know how many batches a window has: its batches stand in the ledger with a count of 0, and complete nothing.
_WITH = """WITH
    newest AS
    (
        SELECT node_id, max(latest) - {dedup_seconds} AS horizon
        FROM
        (
            SELECT node_id, max(toInt64(toUnixTimestamp(window_start))) AS latest FROM weir.batches WHERE {mine} GROUP BY node_id
            UNION ALL
            SELECT node_id, max(toInt64(toUnixTimestamp(window_start))) AS latest FROM weir.flows WHERE {mine} GROUP BY node_id
            UNION ALL
            SELECT node_id, max(toInt64(toUnixTimestamp(window_start))) AS latest FROM weir.losses WHERE {mine} GROUP BY node_id
        )
        GROUP BY node_id
    ),
    complete AS
    (
        SELECT node_id, epoch, window_start
        FROM weir.batches
        WHERE {mine} AND batch_count > 0
        GROUP BY node_id, epoch, window_start
        HAVING uniqExact(batch_index) >= max(batch_count)
    )
"""
_RECENT = """
FROM weir.{table} AS t INNER JOIN newest ON t.node_id = newest.node_id
WHERE {{mine}} AND toUnixTimestamp(t.window_start) >= newest.horizon"""


@dataclass(frozen=True)
class Span:
    """One partition without its pending block, and how far back behind a node's newest window it matters."""

    topic: str
    partition: int
    pending: BlockIdentity | None
    dedup_us: int

    @property
    def condition(self) -> str:
        mine = f"topic = {quoted(self.topic)} AND `partition` = {int(self.partition)}"
        return mine if self.pending is None else f"{mine} AND NOT {brought_by(self.pending)}"


def brought_by(block: BlockIdentity) -> str:
    """The condition for rows of a block's topic and partition to be the block's own: by its number, or written before blocks had one."""
    return f"(first_offset BETWEEN {int(block.first_offset)} AND {int(block.last_offset)} AND block IN ({block.number}, 0))"


def rows_of(block: BlockIdentity) -> str:
    """The condition for rows of any topic and partition to be the block's own."""
    return f"topic = {quoted(block.topic)} AND `partition` = {int(block.partition)} AND {brought_by(block)}"


@dataclass(frozen=True)
class Statement:
    """A question to one table, and the columns of its answer."""

    schema: pa.Schema
    table: str
    extra: str = ""

    def sql(self, span: Span) -> str:
        columns = ", ".join(_selected(field) for field in self.schema)
        text = _WITH + f"SELECT {columns} " + _RECENT.format(table=self.table) + self.extra
        return text.format(mine=span.condition, dedup_seconds=-(-int(span.dedup_us) // 1_000_000))


APPLIED_BATCHES = Statement(BATCHES, "batches")
APPLIED_LOSSES = Statement(LOSSES, "losses")
_INCOMPLETE = " AND (t.node_id, t.epoch, t.window_start) NOT IN (SELECT node_id, epoch, window_start FROM complete)"
APPLIED_FLOWS = Statement(FLOW_KEYS, "flows", _INCOMPLETE)


def read(engine: Engine, statement: Statement, span: Span) -> pa.Table:
    """The answer in the statement's own schema: addresses as 16 bytes, instants in microseconds, names dictionary-coded."""
    found = engine.query(statement.sql(span))
    columns = [cast(found.column(field.name), field.type) for field in statement.schema]
    return pa.Table.from_arrays(columns, schema=statement.schema)


def count(engine: Engine, statement: Statement, span: Span) -> int:
    """How many rows the answer would have."""
    return int(engine.query(f"SELECT count() AS n FROM ({statement.sql(span)})").column("n")[0].as_py())  # noqa: S608


def _selected(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return f"toDateTime64(t.{field.name}, 6, 'UTC') AS {field.name}"
    return f"t.`{field.name}` AS `{field.name}`"
