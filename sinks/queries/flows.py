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
from sinks.queries.sources import View, columns, within
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
    "topic",
    "network",
    "local_workload",
)
"""Tells any two flows of a window apart: the message, and the key of the flow within it."""
FIRST_SLICE_S = 300
_WIDER = 6


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
    topic: str
    network: str
    local_workload: str


@dataclass(frozen=True)
class Page:
    """`after`: where the next page begins; None: this is the last one."""

    rows: pa.Table
    after: Place | None
    sql: str


def ask_flows(ask: Ask, span: Span, where: Node | None, view: View, limit: int, after: Place | None = None) -> Page:
    """Filters with metrics speak of each row here.

    The newest slice of the span is asked first, then wider ones before it until the page is full: a page of a day costs no day.
    """
    parts: list[pa.Table] = []
    end_s = span.end_s if after is None else min(span.end_s, after.window_start_s + 1)
    wanted, length_s = limit + 1, FIRST_SLICE_S
    while wanted > 0 and (end_s > span.start_s or not parts):
        start_s = max(span.start_s, end_s - length_s)
        parts.append(ask(_statement(Span(start_s, end_s), where, view, wanted, after)))
        wanted, end_s, length_s = wanted - parts[-1].num_rows, start_s, length_s * _WIDER
    found = pa.concat_tables(parts)
    rows = found.slice(0, limit)
    places = [f"place_{number}" for number in range(len(_ORDER))]
    last = Place(*readable(rows.select(places).slice(limit - 1)).to_pylist()[0].values()) if found.num_rows > limit else None
    return Page(rows.select(list(SHOWN)), last, _statement(span, where, view, limit + 1, after))


def _statement(span: Span, where: Node | None, view: View, limit: int, after: Place | None) -> str:
    conditions = [within(span)]
    conditions += ["canonical"] if view == "canonical" else []
    conditions += [condition(where, known_columns())] if where is not None else []
    conditions += [f"({', '.join(_ORDER)}) < {_tuple(after)}"] if after is not None else []
    place = ", ".join(f"{sql} AS place_{number}" for number, sql in enumerate(_ORDER))
    return (
        f"SELECT {', '.join(SHOWN)}, {place} FROM weir.flows WHERE {' AND '.join(conditions)} "  # noqa: S608 (composed of weir's own names)
        f"ORDER BY {', '.join(f'{sql} DESC' for sql in _ORDER)} LIMIT {limit}"
    )


def known_columns() -> Columns:
    """What a filter may speak of, of each row."""
    return {name: sql for name, sql in {**columns("flows"), **_DERIVED}.items() if name in FIELDS}


def _tuple(after: Place) -> str:
    return (
        f"({after.window_start_s}, {after.partition}, {after.first_offset}, {literal(after.node_id)}, toIPv6({literal(after.local_ip)}), "
        f"toIPv6({literal(after.remote_ip)}), {after.service_port}, {literal(after.protocol)}, {literal(after.role)}, "
        f"{literal(after.topic)}, {literal(after.network)}, {literal(after.local_workload)})"
    )
