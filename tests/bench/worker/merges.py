"""What the engine does for a flow, with all tables: inserts alone, each table written anew once, and both as they come.

    python -m tests.bench.worker.merges
    python -m tests.bench.worker.merges --set "flows merge_selector_base = 12" --set "flows_1m index_granularity = 32768"

CPU of the whole process in us a flow. Compare two runs only where they took turns: other work on the machine adds a fifth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from schemas.records.tables import Block
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.migrate import migrate
from tests.bench.say import say
from tests.bench.worker.tables import made_blocks, opened_engine, when_quiet

TABLES = ("flows", "flows_1m", "flows_5m", "flows_1h", "edges_5m", "edges_1h", "edges_1d")
_NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"
_MERGED = """SELECT sumIf(value, event = 'MergedRows') / sumIf(value, event = 'MergeTreeDataWriterRows') AS times FROM system.events
WHERE event IN ('MergedRows', 'MergeTreeDataWriterRows')"""


def apart(blocks: Sequence[Block], settings: Sequence[str]) -> dict[str, float]:
    """Inserts without a merge, then one merge of all parts, table by table."""
    flows = sum(block.flows.num_rows for block in blocks)
    with tempfile.TemporaryDirectory() as folder:
        engine = _prepared(Path(folder), [*settings, *(f"{table} {_NO_MERGES}" for table in TABLES)])
        try:
            found = {"inserts": _written(engine, blocks)}
            for table in TABLES:
                begun = time.process_time()
                engine.execute(f"OPTIMIZE TABLE weir.{table} FINAL")
                found[f"{table} anew"] = time.process_time() - begun
        finally:
            engine.close()
    return {what: 1e6 * seconds / flows for what, seconds in found.items()}


def together(blocks: Sequence[Block], settings: Sequence[str]) -> tuple[float, float]:
    """Inserts and the merges that they set off; how many times a row was written anew. Since the process began: call it once."""
    with tempfile.TemporaryDirectory() as folder:
        engine = _prepared(Path(folder), settings)
        try:
            seconds = _written(engine, blocks)
            times = float(engine.query(_MERGED).column("times")[0].as_py())
        finally:
            engine.close()
    return 1e6 * seconds / sum(block.flows.num_rows for block in blocks), times


def _prepared(folder: Path, settings: Sequence[str]) -> Engine:
    engine = opened_engine(folder)
    migrate(engine)
    for setting in settings:
        table, _, value = setting.partition(" ")
        engine.execute(f"ALTER TABLE weir.{table} MODIFY SETTING {value}")
    return engine


def _written(engine: Engine, blocks: Sequence[Block]) -> float:
    sink, begun = ClickHouseSink(engine), time.process_time()
    for block in blocks:
        sink.write(block)
    return when_quiet() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worker.merges", description=__doc__)
    parser.add_argument("--block", type=int, default=64_000, help="flows a block")
    parser.add_argument("--windows", type=int, default=18, help="of ten seconds: 256,000 flows each")
    parser.add_argument("--set", action="append", default=[], metavar="'TABLE NAME = VALUE'", help="a setting of a table")
    given = parser.parse_args()
    blocks = made_blocks(given.block, given.windows)
    both, times = together(blocks, given.set)
    say(f"inserts and merges {both:.2f}, each row written anew {times:.2f} times")
    say(", ".join(f"{what} {cost:.2f}" for what, cost in apart(blocks, given.set).items()))


if __name__ == "__main__":
    main()
