"""Raw flows, the newest first, page by page: a page begins behind the last row of the page before, not after a number of rows."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from sinks.engines.quoting import literal
from sinks.engines.result import readable
from sinks.filter.fields import FIELDS
from sinks.filter.sql import Columns, condition
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.sources import View, columns
from sinks.queries.spans import Span

SHOWN = (
    "window_start", "window_seconds", "first_seen", "last_seen", "region", "network", "node_id", "protocol", "role",
    "local_ip", "remote_ip", "service_port", "local_workload", "remote_workload", "remote_source", "remote_reason", "canonical",
    "bytes_sent", "bytes_received", "packets_sent", "packets_received", "payload_bytes_sent", "payload_bytes_received",
    "connections_opened", "connections_closed", "connections_failed", "connections_refused", "connections_timed_out", "connections_reset",
    "retransmits", "rtt_us_sum", "rtt_us_max", "rtt_count", "local_zone", "remote_zone", "remote_region", "remote_node_id",
    "remote_service", "remote_domain",
)  # fmt: skip
_DERIVED = {
    "bytes": "bytes_sent + bytes_received",
    "packets": "packets_sent + packets_received",
    "rtt_us": "if(rtt_count = 0, NULL, rtt_us_sum / rtt_count)",
}
_ORDER = (
    "toUnixTimestamp(window_start)",
    "`partition`",
    "first_offset",
    "node_id",
    "local_ip",
    "remote_ip",
    "service_port",
    "protocol",
    "role",
)


@dataclass(frozen=True)
class Place:
    """Where a page ended: the values of _ORDER of its last row. Addresses are text."""

    window_start_s: int
    partition: int
    first_offset: int
    node_id: str
    local_ip: str
    remote_ip: str
    service_port: int
    protocol: str
    role: str


@dataclass(frozen=True)
class Page:
    """`after`: where the next page begins; None: this is the last one."""

    rows: pa.Table
    after: Place | None
    sql: str


def ask_flows(ask: Ask, span: Span, where: Node | None, view: View, limit: int, after: Place | None = None) -> Page:
    """Filters with metrics speak of each row here."""
    known = known_columns()
    conditions = [f"window_start >= toDateTime({span.start_s}, 'UTC')", f"window_start < toDateTime({span.end_s}, 'UTC')"]
    conditions += ["canonical"] if view == "canonical" else []
    conditions += [condition(where, known)] if where is not None else []
    if after is not None:
        conditions.append(f"window_start <= toDateTime({after.window_start_s}, 'UTC')")
        conditions.append(f"({', '.join(_ORDER)}) < {_tuple(after)}")
    place = ", ".join(f"{sql} AS place_{number}" for number, sql in enumerate(_ORDER))
    statement = (
        f"SELECT {', '.join(SHOWN)}, {place} FROM weir.flows WHERE {' AND '.join(conditions)} "  # noqa: S608 (composed of weir's own names)
        f"ORDER BY {', '.join(f'{sql} DESC' for sql in _ORDER)} LIMIT {limit + 1}"
    )
    found = ask(statement)
    rows = found.slice(0, limit)
    places = [f"place_{number}" for number in range(len(_ORDER))]
    last = Place(*readable(rows.select(places).slice(limit - 1)).to_pylist()[0].values()) if found.num_rows > limit else None
    return Page(rows.select(list(SHOWN)), last, statement)


def known_columns() -> Columns:
    """What a filter may speak of, of each row."""
    return {name: sql for name, sql in {**columns("flows"), **_DERIVED}.items() if name in FIELDS}


def _tuple(after: Place) -> str:
    return (
        f"({after.window_start_s}, {after.partition}, {after.first_offset}, {literal(after.node_id)}, toIPv6({literal(after.local_ip)}), "
        f"toIPv6({literal(after.remote_ip)}), {after.service_port}, {literal(after.protocol)}, {literal(after.role)})"
    )
