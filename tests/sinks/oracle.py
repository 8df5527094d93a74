# ruff: noqa: S608 (every name in these statements stands in this file)
"""What the rollups must say, computed from the raw table."""

from __future__ import annotations

from pathlib import Path

from sinks.base import Sink

KEYS = (
    "region",
    "network",
    "node_id",
    "protocol",
    "role",
    "service_port",
    "local_workload",
    "remote_workload",
    "remote_source",
    "remote_reason",
    "canonical",
)
SUMS = (
    "bytes_sent",
    "bytes_received",
    "packets_sent",
    "packets_received",
    "payload_bytes_sent",
    "payload_bytes_received",
    "connections_opened",
    "connections_closed",
    "connections_failed",
    "connections_reset",
    "retransmits",
    "rtt_us_sum",
    "rtt_count",
)
COARSE = {"flows_1m": "toStartOfMinute", "flows_5m": "toStartOfFiveMinutes", "flows_1h": "toStartOfHour"}


def totals(sink: Sink, table: str) -> dict[str, int]:
    """Sums over a whole table, and how many flows they stand for."""
    count = "count()" if table == "flows" else "sum(flows)"
    parts = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    found: dict[str, int] = sink.query(f"SELECT {count} AS n, {parts} FROM weir.{table}").to_pylist()[0]
    return found


def newest_part(sink: Sink, table: str) -> Path:
    """The directory of the last part that a block brought."""
    found = sink.query(f"SELECT path FROM system.parts WHERE active AND `table` = '{table}' ORDER BY max_block_number DESC LIMIT 1")
    return Path(found.column("path")[0].as_py())


def assert_rollups_follow(sink: Sink) -> None:
    """Every rollup row equals what the raw table gives for its key, and none is missing or too much."""
    sums = ", ".join(f"sum({name}) AS s_{name}" for name in SUMS)
    keys = ", ".join(KEYS)
    for table, start in COARSE.items():
        raw = f"SELECT {start}(window_start) AS w, {keys}, count() AS n, {sums}, max(rtt_us_max) AS top FROM weir.flows GROUP BY w, {keys}"
        rolled = f"SELECT window_start AS w, {keys}, sum(flows) AS n, {sums}, max(rtt_us_max) AS top FROM weir.{table} GROUP BY w, {keys}"
        for one, other in ((raw, rolled), (rolled, raw)):
            odd = sink.query(f"SELECT count() AS n FROM ({one} EXCEPT {other})").column("n")[0].as_py()
            assert odd == 0, f"{odd} rows of {table} differ from flows"
