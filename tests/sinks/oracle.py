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
    "local_zone",
    "remote_zone",
    "remote_region",
    "remote_service",
    "remote_domain",
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
    "connections_refused",
    "connections_timed_out",
)
HISTOGRAMS = ("rtt_histogram", "connect_histogram")
EDGE_KEYS = (
    "network, client, server, protocol, service_port, client_zone, server_zone, client_region, server_region, "
    "server_service, server_domain, reason"
)
COARSE = {"flows_1m": "toStartOfMinute", "flows_5m": "toStartOfFiveMinutes", "flows_1h": "toStartOfHour"}
EDGES = {"edges_5m": "toStartOfFiveMinutes", "edges_1h": "toStartOfHour", "edges_1d": "toStartOfDay"}


def totals(sink: Sink, table: str) -> dict[str, object]:
    """Sums over a whole table, and how many flows they stand for."""
    count = "count()" if table == "flows" else "sum(flows)"
    parts = ", ".join([*(f"sum({name}) AS {name}" for name in SUMS), *(f"sumForEach({name}) AS {name}" for name in HISTOGRAMS)])
    found: dict[str, object] = sink.query(f"SELECT {count} AS n, {parts} FROM weir.{table}").to_pylist()[0]
    return found


def newest_part(sink: Sink, table: str) -> Path:
    """The directory of the last part that a block brought."""
    found = sink.query(f"SELECT path FROM system.parts WHERE active AND `table` = '{table}' ORDER BY max_block_number DESC LIMIT 1")
    return Path(found.column("path")[0].as_py())


def assert_rollups_follow(sink: Sink) -> None:
    """Every row of a rollup and of a table of edges equals what the raw table gives for its key, and none is missing or too much."""
    keys = ", ".join(KEYS)
    raw = f"SELECT {keys.replace('remote_domain', 'registrable_domain AS remote_domain')}, window_start, rtt_us_max, "
    raw += f"{', '.join((*SUMS, *HISTOGRAMS))} FROM weir.flows"
    odd = [*_odd(sink, raw, COARSE, keys), *_odd(sink, _both_views(), EDGES, EDGE_KEYS)]
    assert not odd, f"rows of {', '.join(odd)} differ from what they stand for"


def _both_views() -> str:
    """The raw rows of edges, each view by itself: what clients told, or who is neither, and what servers told, turned round."""
    turned = [(name, name.replace("sent", "received") if "sent" in name else name.replace("received", "sent")) for name in SUMS]
    same = "t.network AS network, t.protocol AS protocol, t.service_port AS service_port, t.remote_reason AS reason"
    same += ", t.rtt_us_max AS rtt_us_max"
    same += "".join(f", t.{name} AS {name}" for name in ("window_start", *HISTOGRAMS))
    by_client = (
        "SELECT t.local_workload AS client, t.remote_workload AS server, t.local_zone AS client_zone, t.remote_zone AS server_zone, "
        "t.region AS client_region, t.remote_region AS server_region, t.remote_service AS server_service, "
        f"t.registrable_domain AS server_domain, {same}, {', '.join(f't.{name} AS {name}' for name in SUMS)} "
        "FROM weir.flows AS t WHERE t.canonical AND t.role != 'server'"
    )
    by_server = (
        "SELECT t.remote_workload AS client, t.local_workload AS server, t.remote_zone AS client_zone, t.local_zone AS server_zone, "
        "t.remote_region AS client_region, t.region AS server_region, '' AS server_service, "
        f"'' AS server_domain, {same}, {', '.join(f't.{other} AS {name}' for name, other in turned)} "
        "FROM weir.flows AS t WHERE t.canonical AND t.role = 'server'"
    )
    return f"{by_client} UNION ALL {by_server}"


def _odd(sink: Sink, raw: str, tables: dict[str, str], keys: str) -> list[str]:
    """Those of `tables` whose rows, merged by key, are not those of `raw` in their spans. To analyse a statement is what costs."""
    sums = ", ".join([*(f"sum({name}) AS s_{name}" for name in SUMS), *(f"sumForEach({name}) AS s_{name}" for name in HISTOGRAMS)])
    sums += ", max(rtt_us_max) AS top"
    spans = ", ".join(f"('{table}', {start}(window_start))" for table, start in tables.items())
    by = f"span.1 AS name, span.2 AS w, {keys}"
    wanted = f"SELECT {by}, count() AS n, {sums} FROM ({raw}) ARRAY JOIN [{spans}] AS span GROUP BY name, w, {keys}"
    held = f"SELECT _table AS name, window_start AS w, {keys}, sum(flows) AS n, {sums} FROM merge('weir', '^({'|'.join(tables)})$') "
    held += f"GROUP BY name, w, {keys}"
    both = f"SELECT *, 1 AS side FROM ({wanted}) UNION ALL SELECT *, -1 AS side FROM ({held})"
    unequal = f"SELECT * EXCEPT (side), sum(side) AS more FROM ({both}) GROUP BY ALL HAVING more != 0"
    names: list[str] = sink.query(f"SELECT DISTINCT name FROM ({unequal}) ORDER BY name").column("name").to_pylist()
    return names
