# ruff: noqa: S608 (every name in these statements is weir's own, everything else a number)
"""Blocks that may have been written already: what is there of them, and what is missing.

ClickHouse notes a block's token in the table's deduplication log just before it renames the block's part into place
(MergeTreeSink; seen in the system calls of 26.9). Killed between the two, it takes the block for written whenever it comes again, and the
rows are lost in that one partition of that one table. So whoever writes a block again counts afterwards. What is missing goes in by
`ALTER TABLE ... ATTACH PARTITION ... FROM`, which asks for no token and feeds no view: one part, all of it or nothing.

The other way round after a power cut: parts are synced before an INSERT returns, tokens are not. A block whose rows are there is not
inserted again, whatever the server remembers.

Counts of two tables are compared where no other worker writes at the same time: by node in `flows_*`, by lane in `edges_*`, which have no
nodes. Rows of lane 0, from before there were edges, are carried over (`sinks/carry_over.py`) and left out here.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records.tables import BlockIdentity
from sinks.engines.base import DATABASE, Engine
from sinks.engines.quoting import quoted
from sinks.exactly_once.insert_settings import A_SET, ONE_BLOCK
from sinks.exactly_once.ledger import rows_of
from sinks.rollups import ROLLUPS, Rollup, lane_of

logger = logging.getLogger(__name__)


def is_partly_there(engine: Engine, table: str, rows: pa.Table, identity: BlockIdentity) -> bool:
    """Whether the table, or a rollup of it, has any part of the block, whose `rows` are what it should have."""
    mine = _Mine.of(rows, identity)
    if _number(engine, f"SELECT count() AS n FROM {DATABASE}.{table} WHERE {mine.condition}"):
        return True
    if table != "flows":
        return False
    pairs = rows.select(["region", "node_id"]).group_by(["region", "node_id"]).aggregate([]).to_pylist()
    nodes = ", ".join(f"({quoted(pair['region'])}, {quoted(pair['node_id'])})" for pair in pairs)
    counts = (_counts(engine, rollup, _of_writer(rollup, mine, identity, nodes)) for rollup in ROLLUPS)
    return any(rolled > finer for finer, rolled in counts)


def restore_missing(engine: Engine, table: str, rows: pa.Table, identity: BlockIdentity) -> None:
    """Puts in what the table lacks of the block, which should have these `rows`; may be repeated.

    `table`: one whose rows carry the block's number. It may have more of the block, from messages that Kafka has dropped since: each of
    its parts is there or not, and a part that is there has all windows of `rows` that belong into it.
    """
    _sweep(engine, identity)
    mine = _Mine.of(rows, identity)
    windows = {instant_us // 1_000_000 for instant_us in pc.unique(rows.column("window_start").cast(pa.int64())).to_pylist()}
    found = engine.query(f"SELECT DISTINCT toInt64(toUnixTimestamp(window_start)) AS s FROM {DATABASE}.{table} WHERE {mine.condition}")
    if not windows <= set(found.column("s").to_pylist()):
        with _like(engine, table, identity) as made:
            engine.insert(made, rows, {**ONE_BLOCK, **A_SET})
            there = f"SELECT _partition_id FROM {DATABASE}.{table} WHERE {mine.condition}"
            for part in _partitions(engine, made, f"_partition_id NOT IN ({there})"):
                _attach(engine, table, part, made, identity)
    if table == "flows":
        _restore_rollups(engine, mine, identity)


def restore_rollups(engine: Engine, identity: BlockIdentity) -> None:
    """Puts in what rollups lack of the block's rows in `flows`, whichever these are; may be repeated."""
    _sweep(engine, identity)
    windows = "toInt64(toUnixTimestamp(min(window_start))) AS first, toInt64(toUnixTimestamp(max(window_start))) AS last"
    (found,) = engine.query(f"SELECT count() AS n, {windows} FROM {DATABASE}.flows WHERE {rows_of(identity)}").to_pylist()
    if found["n"]:
        _restore_rollups(engine, _Mine.between(found["first"], found["last"], identity), identity)


@dataclass(frozen=True)
class _Mine:
    """Where a block's rows are: `condition` in a table whose rows carry its number. `first` and `last`: its windows, as SQL."""

    condition: str
    first: str
    last: str

    @classmethod
    def of(cls, rows: pa.Table, identity: BlockIdentity) -> _Mine:
        windows = pc.min_max(rows.column("window_start").cast(pa.int64()))
        return cls.between(windows["min"].as_py() // 1_000_000, windows["max"].as_py() // 1_000_000, identity)

    @classmethod
    def between(cls, first_s: int, last_s: int, identity: BlockIdentity) -> _Mine:
        first, last = (f"toDateTime({int(second)}, 'UTC')" for second in (first_s, last_s))
        return cls(f"{rows_of(identity)} AND window_start BETWEEN {first} AND {last}", first, last)

    def around(self, rollup: Rollup) -> str:
        """The condition for windows of the rollup that the block has flows in."""
        return f"{rollup.start}(window_start) BETWEEN {rollup.start}({self.first}) AND {rollup.start}({self.last})"


def _restore_rollups(engine: Engine, mine: _Mine, identity: BlockIdentity) -> None:
    nodes = f"SELECT region, node_id FROM {DATABASE}.flows WHERE {mine.condition}"
    for rollup in ROLLUPS:
        if operator.ne(*_counts(engine, rollup, _of_writer(rollup, mine, identity, nodes))):
            _fill_rollup(engine, rollup, mine.condition, identity)


def _of_writer(rollup: Rollup, mine: _Mine, identity: BlockIdentity, nodes: str) -> str:
    """Rows of the block's windows that no other worker writes."""
    own = f"lane = {lane_of(identity)}" if rollup.of_edges else f"(region, node_id) IN ({nodes})"
    return f"{mine.around(rollup)} AND {own}"


def _fill_rollup(engine: Engine, rollup: Rollup, mine: str, identity: BlockIdentity) -> None:
    """The block's part of one partition of a rollup is there, or it is not: the finer table's flows of the same keys tell which."""
    of_flows = f"FROM {DATABASE}.flows WHERE {mine}" + " AND canonical" * rollup.of_edges
    keys = ", ".join(rollup.compared)
    with _like(engine, rollup.name, identity) as made:
        one_block = ", ".join(f"{name} = {value}" for name, value in ONE_BLOCK.items())
        engine.execute(
            f"INSERT INTO {made} (window_start, {', '.join(rollup.columns)}) "
            f"SELECT {rollup.start}(window_start), {', '.join(rollup.columns.values())} {of_flows} SETTINGS {one_block}"
        )
        for part in _partitions(engine, made):
            of_part = f"FROM {made} WHERE _partition_id = '{part}'"
            span = (
                f"{rollup.start}(window_start) BETWEEN (SELECT min(window_start) {of_part}) AND (SELECT max(window_start) {of_part}) "
                f"AND ({rollup.start}(window_start), {{}}) IN (SELECT window_start, {keys} {of_part})"
            )
            finer, rolled = _counts(engine, rollup, span.format(", ".join(rollup.compared.values())), span.format(keys))
            block = _number(engine, f"SELECT sum(flows) AS n {of_part}")
            if finer == rolled + block:
                _attach(engine, rollup.name, part, made, identity)
            elif finer != rolled:
                logger.error(
                    "%s has %d flows where %s has %d, and block %s of %d explains nothing: `weir recompute` makes those hours anew",
                    *(rollup.name, rolled, rollup.finer, finer, identity, block),
                )


def _counts(engine: Engine, rollup: Rollup, finer: str, own: str = "") -> tuple[int, int]:
    """Flows by the finer table and by the rollup, each under its condition; `own`: as `finer` if empty."""
    counted = f"SELECT {rollup.counted} AS n FROM {DATABASE}.{rollup.finer} WHERE ({rollup.taken}) AND {finer}"
    rolled = f"SELECT sum(flows) AS n FROM {DATABASE}.{rollup.name} WHERE ({rollup.own}) AND {own or finer}"
    return _number(engine, counted), _number(engine, rolled)


@contextmanager
def _like(engine: Engine, table: str, identity: BlockIdentity) -> Iterator[str]:
    """An empty table of the same shape, which no view reads."""
    name = f"{DATABASE}.repair_{table}_{identity.number:x}"
    engine.execute(f"CREATE TABLE {name} AS {DATABASE}.{table}")
    yield name
    engine.execute(f"DROP TABLE {name} SYNC")


def _sweep(engine: Engine, identity: BlockIdentity) -> None:
    """Tables that a worker made for this block, and was killed before it dropped them."""
    own = f"startsWith(name, 'repair_') AND endsWith(name, '_{identity.number:x}')"
    found = engine.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}' AND {own}")
    for name in found.column("name").to_pylist():
        engine.execute(f"DROP TABLE IF EXISTS {DATABASE}.{name} SYNC")


def _attach(engine: Engine, table: str, part: str, made: str, identity: BlockIdentity) -> None:
    engine.execute(f"ALTER TABLE {DATABASE}.{table} ATTACH PARTITION ID '{part}' FROM {made}")
    logger.warning("%s lacked partition %s of block %s, which the server remembered as written: put in", table, part, identity)


def _partitions(engine: Engine, table: str, condition: str = "1") -> list[str]:
    found = engine.query(f"SELECT DISTINCT _partition_id AS part FROM {table} WHERE {condition} ORDER BY part")
    return [str(part) for part in found.column("part").to_pylist()]


def _number(engine: Engine, sql: str) -> int:
    value: Any = engine.query(sql).column("n")[0].as_py()
    return int(value)
