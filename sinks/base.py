"""What a worker, the command line and the demo may ask of a sink."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from schemas.records.tables import Block, BlockIdentity, SetTable
from sinks.exactly_once.recomputations import Edition


class Sink(Protocol):
    """ClickHouse, wherever it runs. Calls block: an event loop hands them to a thread; several threads may call at once.

    Every method raises `Unavailable` when the same call may succeed later, and `WeirError` when it will not.
    """

    def migrate(self) -> tuple[str, ...]:
        """Creates or upgrades the tables; the names of the steps taken now. Twice, or twice at once, does no harm."""
        ...

    def pending(self) -> tuple[str, ...]:
        """The names of the steps that `migrate` would take."""
        ...

    def rows_to_carry(self) -> int:
        """How many rows of before `migrate` would carry over into newer tables, as far as they are there."""
        ...

    def write(self, block: Block, *, maybe_written: bool = False) -> None:
        """Puts the block into its tables and the rollups, once: a block of the same identity is recognised and left out.

        After `Unavailable` it is not known which tables have it: call again with the same block until it returns. `maybe_written`: this may
        not be the first call for the block, whoever made that; what a killed server remembers as written and lost is put in too.
        """
        ...

    def write_set(self, table: SetTable, rows: pa.Table) -> None:
        """Adds rows (of `schemas.records.tables`) to what views are derived from: in any order, any number of times."""
        ...

    def query(self, sql: str) -> pa.Table:
        """The answer to one statement that reads: instants as UTC timestamps, addresses as text, names as plain strings."""
        ...

    def applied_batches(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        """The ledger (`tables.BATCHES`) of one partition of a topic: windows not older than `dedup_us` behind their node's newest.

        Left out is what `pending` brought: that block is going to be built again. What other blocks brought of the same messages,
        before the consumer group was rewound, is there.
        """
        ...

    def applied_flows(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        """What identifies the flows (`ledger.FLOW_KEYS`) of the same windows, those that the ledger knows to be complete left out."""
        ...

    def applied_losses(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        """The losses (`tables.LOSSES`) of the same windows."""
        ...

    def settle_dropped(self, decided: BlockIdentity, told: BlockIdentity) -> int | None:
        """Of how many messages the tables hold rows of the block `decided`, among those whose loss `told` stands for. None: it is told.

        The block is not going to be written again: what rollups lack of its rows is put in.
        """
        ...

    def edition(self, topic: str, topic_id: str, partition: int) -> Edition:
        """What past recomputations mean for a partition. `Unavailable` while one is under way."""
        ...

    def close(self) -> None:
        """Lets go of the connection or the directory. Nothing is pending: `write` returns when the rows are in."""
        ...
