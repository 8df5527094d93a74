"""What makes the engine write rows anew: merges, and the mutations of a recomputation. For a process that is killed afterwards."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records.tables import OWNERSHIP, RESTS, Block
from schemas.topics import FLOWS_TOPIC
from sinks.base import Sink
from sinks.exactly_once import recomputations
from sinks.exactly_once.recomputations import Recomputation, Rewound
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import EDGES
from tests.sinks.writer import nth_block
from tests.support.processes import wait_for

TABLES = ("flows", "flows_1m", "flows_5m", "flows_1h", *EDGES, "losses", "batches", "ownership_ranges", "ownership_rests")
SPAN = Recomputation(1, make.NINE, make.NINE + 6 * 3_600 * make.SECOND, (Rewound(FLOWS_TOPIC, "an-id", 0, 0, 1_000),))
"""Some windows of parts of every table but `losses` and `batches`: other rows of these parts stay."""

_WIDE = {
    "min_bytes_for_wide_part": 0,
    "min_rows_for_wide_part": 0,
    "vertical_merge_algorithm_min_rows_to_activate": 1,
    "vertical_merge_algorithm_min_columns_to_activate": 1,
}
_SHAPES = {"compact": {"min_bytes_for_wide_part": 1 << 30}, "wide": _WIDE}
"""Parts of one file for all columns, as small ones are; and of a file or two for each, merged column by column, as large ones are."""


def shape(sink: Sink, name: str) -> None:
    """Of all parts from now on. A replaced part may be removed at once, as in the embedded engine; a server waits eight minutes."""
    settings = ", ".join(f"{key} = {value}" for key, value in {**_SHAPES[name], "old_parts_lifetime": 0}.items())
    for table in TABLES:
        engine_of(sink).execute(f"ALTER TABLE weir.{table} MODIFY SETTING {settings}")


def merge(sink: Sink) -> None:
    for table in TABLES:
        engine_of(sink).execute(f"OPTIMIZE TABLE weir.{table} FINAL")


def remove_span(sink: Sink) -> None:
    """`weir recompute`, but for its end: `recomputations.note(..., "done")`."""
    recomputations.note(engine_of(sink), SPAN, "begun")
    recomputations.remove(engine_of(sink), SPAN)


def remove_replaced(sink: Sink) -> None:
    """Returns when the parts that others replace are gone from the disk. A partition is dropped that does not exist: that sweeps."""
    engine = engine_of(sink)
    replaced = "SELECT count() AS n FROM system.parts WHERE database = 'weir' AND `table` != 'migrations' AND NOT active"

    def are_gone() -> bool:
        for table in TABLES:
            engine.execute(f"ALTER TABLE weir.{table} DROP PARTITION ID '19990101'")
        return engine.query(replaced).column("n")[0].as_py() == 0

    assert engine.query(replaced).column("n")[0].as_py() > 0
    wait_for(are_gone, 20, "replaced parts to be removed")


def made_anew(number: int) -> Block:
    """What the rows of `SPAN` in a block are made anew as."""
    whole = nth_block(number)
    flows = whole.flows.filter(pc.less(whole.flows.column("window_start").cast(pa.int64()), SPAN.end_us))
    identity, none = replace(whole.identity, edition=SPAN.number), {"ownership": OWNERSHIP.empty_table(), "rests": RESTS.empty_table()}
    return replace(whole, identity=identity, flows=flows, **none)
