"""The order of `flows`: by nodes where this version made the table, by workloads where an older one did, and the way from there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sinks import migrate
from sinks.base import Sink
from sinks.engines.base import Engine
from sinks.open import open_sink
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import assert_rollups_follow, totals
from tests.sinks.writer import SHAPE, nth_block
from tests.support.clickhouse import EngineHost

BY_NODE = "toStartOfFiveMinutes(window_start), node_id, window_start"
BY_WORKLOADS = "toStartOfFiveMinutes(window_start), local_workload, remote_workload, node_id, window_start"
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
SHAPE_OF_FLOWS = "SELECT sorting_key, create_table_query FROM system.tables WHERE database = 'weir' AND name = 'flows'"
CONTENT = "SELECT count() AS n, sum(cityHash64(*)) AS hash FROM weir.flows"


@pytest.fixture
def older(host: EngineHost) -> Iterator[Sink]:
    """Tables as an older weir made them, with two blocks, in the hands of this one."""
    host.drop_database()
    with closing(open_sink(host.url)) as sink:
        steps = tuple(
            replace(step, sql=step.sql.replace(f"ORDER BY ({BY_NODE})", f"ORDER BY ({BY_WORKLOADS})")) for step in migrate.known()
        )
        migrate.migrate(engine_of(sink), steps)
        assert sorting_key(engine_of(sink)) == BY_WORKLOADS
        for number in (0, 1):
            sink.write(nth_block(number))
        yield sink


def sorting_key(engine: Engine) -> str:
    return str(engine.query(SHAPE_OF_FLOWS).column("sorting_key")[0].as_py())


def shape(engine: Engine) -> tuple[str, set[str]]:
    """What was said to make the table: its columns and order, and its settings, which a server lists as they were set."""
    table, _, settings = str(engine.query(SHAPE_OF_FLOWS).column("create_table_query")[0].as_py()).partition(" SETTINGS ")
    return table, set(settings.split(", ")) - {"index_granularity = 8192"}


def test_a_new_table_is_ordered_by_node(sink: Sink) -> None:
    assert sorting_key(engine_of(sink)) == BY_NODE


def test_an_older_table_keeps_its_order_and_counts_once(older: Sink) -> None:
    assert older.migrate() == ()
    older.write(nth_block(1), maybe_written=True)
    older.write(nth_block(2))
    assert sorting_key(engine_of(older)) == BY_WORKLOADS
    assert totals(older, "flows")["n"] == 3 * SHAPE.rows
    assert_rollups_follow(older)


def test_an_older_table_is_reordered_as_the_manual_says(older: Sink, chdb_sink: Sink) -> None:
    """The same rows in the same table as a new one; a block that comes again is not counted twice, and the rollups go on."""
    engine = engine_of(older)
    before = engine.query(CONTENT).to_pylist()
    (block,) = re.findall(r"### The order of `flows`.*?```sql\n(.*?)```", OPERATING.read_text(encoding="utf-8"), re.DOTALL)
    for statement in migrate.Migration("of_the_manual", block).statements:
        engine.execute(statement)
    assert engine.query(CONTENT).to_pylist() == before
    assert shape(engine) == shape(engine_of(chdb_sink))
    older.write(nth_block(1), maybe_written=True)
    older.write(nth_block(2))
    older.write(nth_block(2))
    assert totals(older, "flows")["n"] == 3 * SHAPE.rows
    assert_rollups_follow(older)
