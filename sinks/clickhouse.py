"""The sink: which rows go where, in which order, under which token. The engine underneath only carries them."""

from __future__ import annotations

import pyarrow as pa

from schemas.errors import WeirError
from schemas.failpoints import Point, reach
from schemas.records.tables import Block, BlockIdentity, SetTable
from sinks import migrate
from sinks.engines.base import DATABASE, Engine
from sinks.engines.result import readable
from sinks.exactly_once import dropped, ledger, recomputations, repair
from sinks.exactly_once.insert_settings import A_SET, OPTIONAL, REQUIRED, insert_settings

_LEDGERS = ("losses", "flows", "batches")
"""Tables that are asked what has been applied, and by which block."""


class ClickHouseSink:
    """`protocol.Sink` over any engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: frozenset[str] | None = None

    def migrate(self) -> tuple[str, ...]:
        return migrate.migrate(self._engine)

    def pending(self) -> tuple[str, ...]:
        return migrate.pending(self._engine)

    def rows_to_carry(self) -> int:
        return migrate.rows_to_carry(self._engine)

    def write(self, block: Block, *, maybe_written: bool = False) -> None:
        """Each table's INSERT is recognised by itself, so that a crash between any two is healed by writing the block again; and a
        crash in the midst of one by looking, that time, whether what was recognised is there.

        1. losses: nothing is ever missing in silence, not even between two of these steps;
        2. ownership: whoever sees a flow's name finds the range that it came from;
        3. rests, which extend ranges that have not ended: whoever sees one finds the ends that came with it;
        4. nodes, which say nothing of a flow;
        5. flows, and through them every rollup;
        6. the ledger, which says "applied", and therefore comes last.
        """
        steps: tuple[tuple[str, pa.Table, Point | None], ...] = (
            ("losses", block.losses, "insert.losses"),
            ("ownership_ranges", block.ownership, "insert.ownership_ranges"),
            ("ownership_rests", block.rests, "insert.ownership_rests"),
            ("node_sightings", block.nodes, None),
            ("flows", block.flows, "insert.flows"),
            ("batches", block.batches, "insert.batches"),
        )
        for table, rows, done in steps:
            if rows.num_rows:
                self._insert(table, rows, block.identity, maybe_written)
                if done:
                    reach(done)

    def _insert(self, table: str, rows: pa.Table, identity: BlockIdentity, maybe_written: bool) -> None:
        if table not in _LEDGERS:
            self._engine.insert(f"{DATABASE}.{table}", rows, A_SET)
            return
        numbered = rows.append_column("block", pa.repeat(pa.scalar(identity.number, pa.uint64()), rows.num_rows))
        # A part is synced before the insert returns, the server's memory of tokens is not: after a power cut only the rows tell.
        if not (maybe_written and repair.is_partly_there(self._engine, table, numbered, identity)):
            self._engine.insert(f"{DATABASE}.{table}", numbered, insert_settings(identity, table, self._known_settings()))
        if maybe_written:
            repair.restore_missing(self._engine, table, numbered, identity)

    def write_set(self, table: SetTable, rows: pa.Table) -> None:
        """A set needs no token to hold each row once."""
        if rows.num_rows:
            self._engine.insert(f"{DATABASE}.{table}", rows, A_SET)

    def query(self, sql: str) -> pa.Table:
        if not sql.strip().rstrip(";"):
            raise WeirError("the statement is empty: write one, such as SHOW TABLES.")
        if not _is_utf8(sql):
            raise WeirError("the statement is not UTF-8: write it as UTF-8.")
        return readable(self._engine.query(sql, guarded=True))

    def applied_batches(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        return ledger.read(self._engine, ledger.APPLIED_BATCHES, ledger.Span(topic, partition, pending, dedup_us))

    def applied_flows(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        return ledger.read(self._engine, ledger.APPLIED_FLOWS, ledger.Span(topic, partition, pending, dedup_us))

    def applied_losses(self, topic: str, partition: int, pending: BlockIdentity | None, dedup_us: int) -> pa.Table:
        return ledger.read(self._engine, ledger.APPLIED_LOSSES, ledger.Span(topic, partition, pending, dedup_us))

    def settle_dropped(self, decided: BlockIdentity, told: BlockIdentity) -> int | None:
        return dropped.settle(self._engine, decided, told)

    def edition(self, topic: str, topic_id: str, partition: int) -> recomputations.Edition:
        return recomputations.edition(self._engine, topic, topic_id, partition)

    def _known_settings(self) -> frozenset[str]:
        if self._known is None:
            names = frozenset(self._engine.query("SELECT name FROM system.settings").column("name").to_pylist())
            if REQUIRED - names:
                raise WeirError(f"{self._engine.name} does not know the setting {min(REQUIRED - names)}: it is too old to write to once.")
            self._known = OPTIONAL & names
        return self._known

    def close(self) -> None:
        self._engine.close()


def _is_utf8(text: str) -> bool:
    """Bytes of a command line that are not UTF-8 come as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
