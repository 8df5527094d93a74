"""Who was seen to talk to whom, by both sides' views, how often and on how many days; addresses outside; and workloads' labels."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.errors import WeirError
from sinks.filter.sql import condition, dimensions_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.sources import columns, within
from sinks.queries.spans import FLOWS, ROLLUPS, Oldest, Plan, Span, plan

KEYS = ("client", "server", "protocol", "service_port", "domain", "reason", "service", "role")
ADDRESSES = 1_000
"""Of one workload, service port and direction; more are not told."""
OUTSIDE = ("external", "link_local")
EDGE_LIMIT, OUTSIDE_LIMIT = 100_000, 200_000


@dataclass(frozen=True)
class Seen:
    """`rows`: KEYS, connections, bytes, sent, received (payload), hours, days, first_s, last_s, by_range, network."""

    rows: pa.Table
    plan: Plan
    sql: str


def ask_seen(ask: Ask, span: Span, where: Node | None, oldest: Oldest) -> Seen:
    """The EDGE_LIMIT with the most connections. `by_range`: the remote end's name stands for a range of addresses."""
    planned = plan(span, FLOWS if dimensions_of(where) & {"client_ip", "server_ip"} else ROLLUPS, oldest)
    spans: dict[str, list[Span]] = {}
    for piece in planned.pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    rows = " UNION ALL ".join(_rows(table, found, where) for table, found in spans.items())
    keys = ", ".join(f"d_{name}" for name in KEYS)
    sql = (
        f"SELECT {', '.join(map(_text, KEYS))}, toUInt64(sum(m_opened)) AS connections, toUInt64(sum(m_bytes)) AS bytes, "  # noqa: S608 (weir's own names)
        "toUInt64(sum(m_sent)) AS sent, toUInt64(sum(m_received)) AS received, uniqExact(hour) AS hours, "
        "uniqExact(intDiv(hour, 24)) AS days, toInt64(min(at)) AS first_s, toInt64(max(at)) AS last_s, max(ranged) AS by_range, "
        "toString(min(network)) AS network "
        f"FROM ({rows}) GROUP BY {keys} ORDER BY connections DESC, bytes DESC, {keys} LIMIT {EDGE_LIMIT}"
    )
    return Seen(ask(sql), planned, sql)


def _rows(table: str, spans: list[Span], where: Node | None) -> str:
    known = columns(table)
    shown = [*(f"{known[name]} AS d_{name}" for name in KEYS), "network"]
    sums = {"opened": "connections_opened", "sent": "payload_bytes_sent", "received": "payload_bytes_received"}
    shown += [f"toUInt64({known[column]}) AS m_{name}" for name, column in sums.items()]
    shown += [f"toUInt64({known['bytes_sent']} + {known['bytes_received']}) AS m_bytes", f"{known['source']} = 'cidr' AS ranged"]
    shown += ["toUnixTimestamp(window_start) AS at", "intDiv(toUnixTimestamp(window_start), 3600) AS hour"]
    return f"SELECT {', '.join(shown)} FROM weir.{table} WHERE {within(*spans)} AND {condition(where, known)}"  # noqa: S608


def _text(name: str) -> str:
    """After grouping: names are made of a few thousand rows."""
    return f"d_{name} AS {name}" if name == "service_port" else f"toString(d_{name}) AS {name}"


@dataclass(frozen=True)
class OutsideSeen:
    """`rows`: client, server (one of them ""), protocol, service_port, ip, domain, connections, bytes, last_s. `whole`: of all the span."""

    rows: pa.Table
    whole: bool


_NOTHING_OUTSIDE = pa.Table.from_batches(
    [],
    pa.schema(
        [(name, pa.string()) for name in ("client", "server", "protocol", "ip", "domain")]
        + [(name, pa.int64()) for name in ("service_port", "connections", "bytes", "last_s")]
    ),
)
"""Without arrays: Arrow loads pandas to make one of a list, which takes a third of a second."""


def ask_outside(ask: Ask, span: Span, where: Node | None, oldest: Oldest) -> OutsideSeen:
    """What has no name because it is outside, by its address: ADDRESSES of each workload and port at most. Domains are whole.

    Addresses are kept for a shorter time than sums: of an older span there are none.
    """
    try:
        planned = plan(span, FLOWS, oldest)
    except WeirError:
        return OutsideSeen(_NOTHING_OUTSIDE, False)
    known = columns("flows")
    reasons = ", ".join(f"'{reason}'" for reason in OUTSIDE)
    keys = "client, server, protocol, service_port"
    found = ask(
        f"SELECT toString({known['client']}) AS client, toString({known['server']}) AS server, toString(protocol) AS protocol, "  # noqa: S608
        "service_port, remote_ip AS ip, toString(if(role = 'server', '', remote_domain)) AS domain, "
        "toUInt64(sum(connections_opened)) AS connections, "
        "toUInt64(sum(bytes_sent + bytes_received)) AS bytes, toInt64(toUnixTimestamp(max(window_start))) AS last_s FROM weir.flows "
        f"WHERE {within(planned.span)} AND canonical AND local_workload != '' AND remote_workload = '' AND remote_reason IN ({reasons}) "
        f"AND {condition(where, known)} GROUP BY {keys}, ip, domain "
        "HAVING connections > 0 OR (sum(payload_bytes_sent) > 0 AND sum(payload_bytes_received) > 0) "
        f"ORDER BY connections DESC, bytes DESC, ip, domain LIMIT {ADDRESSES} BY {keys} LIMIT {OUTSIDE_LIMIT}"
    )
    return OutsideSeen(found, not planned.warnings)


def ask_labels(ask: Ask, span: Span) -> pa.Table:
    """network, name, kind, namespace and, as a JSON object, the last labels of each workload that there was in the span."""
    return ask(
        "SELECT toString(network) AS network, toString(name) AS name, toString(kind) AS kind, toString(namespace) AS namespace, "  # noqa: S608
        "toJSONString(argMax(labels, start)) AS labels FROM weir.workloads "
        f"WHERE start < toDateTime64({span.end_s}, 6, 'UTC') AND `end` > toDateTime64({span.start_s}, 6, 'UTC') "
        "GROUP BY network, name, kind, namespace ORDER BY network, name, kind"
    )
