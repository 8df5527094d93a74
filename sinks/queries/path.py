"""What is kept of the path between two ends: who told of it, what its connections did, and which windows came at all.

Ask for windows and losses first, and for rows after them: `batches` is written last of a block's tables, so that what a window has
to tell can be read as soon as the window is there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.addresses import format_address, parse_address
from sinks.engines.quoting import literal
from sinks.filter.sql import Columns, condition, dimensions_of
from sinks.filter.tree import Node, Pattern, Prefix, Term, joined
from sinks.queries.edges import Ask
from sinks.queries.sources import columns, within
from sinks.queries.spans import FLOWS, ROLLUPS, Level, Oldest, Plan, Span, plan
from sinks.queries.status import KNOWN_S

RAW_SECONDS = 6 * 3_600
MINUTES_SECONDS = 7 * 86_400
"""Longer spans are read by minutes, and those beyond by what is coarser."""
NAMELESS = ("unknown", "ambiguous", "shared", "gap")
"""Reasons of an end without a name that may be anybody's who is asked for."""


@dataclass(frozen=True)
class Ends:
    """`server`: the name of a workload, a service or a domain, or addresses. `port` None: any."""

    client: str
    server: str | Prefix
    protocol: str
    port: int | None = None

    @property
    def where(self) -> Node | None:
        """Of all that the client has with any server, on this protocol and port."""
        port = [] if self.port is None else [Term("service_port", "in", (self.port,))]
        return joined([_is("client", self.client), _is("protocol", self.protocol), *port])

    @property
    def servers(self) -> tuple[Term, ...]:
        """What is one of the server, by any of them."""
        if isinstance(self.server, Prefix):
            return (Term("server_ip", "in", (self.server,)),)
        return tuple(_is(field, self.server) for field in ("server", "service", "domain"))


def _is(field: str, name: str) -> Term:
    return Term(field, "in", (Pattern((name,)),))


def planned(span: Span, ends: Ends, scope: Node | None, oldest: Oldest) -> Plan:
    """The finest tables that go back far enough. Raises WeirError where addresses are asked for of a time that only rollups have."""
    if isinstance(ends.server, Prefix) or dimensions_of(scope) & {"client_ip", "server_ip"}:
        return plan(span, FLOWS, oldest)
    for levels, longest_s in ((FLOWS, RAW_SECONDS), (ROLLUPS[-2:], MINUTES_SECONDS), (ROLLUPS[-3:], span.seconds)):
        if span.seconds <= longest_s and _goes_back(levels[0], span, oldest):
            return plan(span, levels, oldest)
    return plan(span, ROLLUPS, oldest)


def _goes_back(level: Level, span: Span, oldest: Oldest) -> bool:
    """Whether no coarser table has anything of the span from before this one's first row."""
    begins = oldest.get(level.table)
    coarser = [one for one in ROLLUPS if one.unit_s > level.unit_s and one.table in oldest]
    if begins is None:
        return not coarser
    return begins <= span.start_s or all(oldest[one.table] >= begins // one.unit_s * one.unit_s for one in coarser)


def ask_hosts(ask: Ask, workloads: Collection[str], span: Span) -> pa.Table:
    """workload, node, address, start_us, end_us: when a node had addresses of it, in the span or within KNOWN_S before."""
    return _ask_ranges(ask, f"workload IN ({', '.join(literal(name) for name in sorted(workloads))})", span)


def ask_owners(ask: Ask, addresses: Collection[str], span: Span) -> pa.Table:
    """The same of whoever had these addresses, 16 bytes as text."""
    return _ask_ranges(ask, f"ip IN ({', '.join(_address(one) for one in sorted(addresses))})", span)


def _ask_ranges(ask: Ask, which: str, span: Span) -> pa.Table:
    return ask(
        "SELECT toString(workload) AS workload, toString(node_id) AS node, toString(ip) AS address, "  # noqa: S608
        "toUnixTimestamp64Micro(start) AS start_us, toUnixTimestamp64Micro(`end`) AS end_us FROM weir.ownership_by_heartbeats "
        f"WHERE {which} AND start < toDateTime({span.end_s}, 'UTC') AND `end` > toDateTime({max(0, span.start_s - KNOWN_S)}, 'UTC')"
    )


def _address(text: str) -> str:
    return f"toIPv6('{format_address(parse_address(text))}')"


def ask_windows(ask: Ask, nodes: Collection[str], span: Span) -> pa.Table:
    """node, epoch, start, end (UTC seconds), complete: a row for each window of which a batch is there."""
    return ask(
        "SELECT toString(node_id) AS node, epoch, toInt64(toUnixTimestamp(window_start)) AS start, "  # noqa: S608
        "start + toInt64(max(window_seconds)) AS `end`, uniqExact(batch_index) >= max(batch_count) AS complete "
        f"FROM weir.batches WHERE {within(span)} AND {_among('node_id', nodes)} GROUP BY node_id, epoch, window_start"
    )


def ask_epochs(ask: Ask, nodes: Collection[str], span: Span) -> pa.Table:
    """node, epoch, start, end, longest, told (seconds), whole: what windows there are of each epoch, without looking at each of them.

    `told`: how long they are together. `whole`: as many batches are there as they have.
    """
    return ask(
        "SELECT toString(node_id) AS node, epoch, toInt64(toUnixTimestamp(min(window_start))) AS start, "  # noqa: S608
        "toInt64(max(toUnixTimestamp(window_start) + window_seconds)) AS `end`, toInt64(max(window_seconds)) AS longest, "
        "toInt64(sumIf(window_seconds, batch_index = 0)) AS told, count() = sumIf(batch_count, batch_index = 0) AS whole "
        f"FROM weir.batches WHERE {within(span)} AND {_among('node_id', nodes)} GROUP BY node_id, epoch"
    )


def ask_lost_windows(ask: Ask, nodes: Collection[str], span: Span, window_s: int) -> pa.Table:
    """node, start, end (UTC seconds): windows of which something is known to be lost; node is empty where it is not known whose."""
    return ask(
        "SELECT toString(node_id) AS node, toInt64(toUnixTimestamp(window_start)) AS start, "  # noqa: S608
        f"start + {int(window_s)} AS `end` FROM weir.losses WHERE {within(span)} AND {_among('node_id', [*nodes, ''])} GROUP BY 1, 2"
    )


def _among(column: str, names: Collection[str]) -> str:
    return f"{column} IN ({', '.join(literal(name) for name in sorted(names))})" if names else "0"


def ask_rows(ask: Ask, ends: Ends, plan: Plan, scope: Node | None) -> tuple[pa.Table, str]:
    """Rows as `streams.insights.path.attempts` takes them, of both sides, with `address` (of the server; rollups have none) and `maybe`;
    and the statement.

    `maybe`: the reason why an end of the client's has no name, where it may be the server; such rows are there whatever the scope is, and
    only to be counted. An end outside (`external`) is one of them only where no domain is known of it.
    """
    spans: dict[str, list[Span]] = {}
    for piece in plan.pieces:
        spans.setdefault(piece.table, []).append(piece.span)
    sql = " UNION ALL ".join(_rows(table, found, ends, scope) for table, found in spans.items())
    found = ask(sql)
    return found.rename_columns([name.removeprefix("m_") for name in found.column_names]), sql


def _rows(table: str, spans: Sequence[Span], ends: Ends, scope: Node | None) -> str:
    known = columns(table)
    named = _any(ends.servers, known)
    found = f"{named} AND {condition(scope, known)}"
    by = {
        "start": "toUnixTimestamp(window_start)",
        "node": "toString(node_id)",
        "zone": f"toString({known['client_zone']})",
        "role": "if(role = 'server', 'server', 'client')",
        "server": f"toString({known['server']})",
        "address": "toString(if(role = 'server', local_ip, remote_ip))" if table == "flows" else "''",
        "maybe": f"if({found}, '', toString(remote_reason))",
    }
    first, last = ("first_seen", "last_seen") if table == "flows" else ("window_start", "window_start")
    sums = {"first_us": f"min({_micros(first)})", "last_us": f"max({_micros(last)})"}
    sums |= {name: f"toInt64(sum({sql}))" for name, sql in _sums(known).items()}
    shown = ", ".join(f"{sql} AS m_{name}" for name, sql in (by | sums).items())  # a bare name would stand for the column's, too
    return (
        f"SELECT {shown} FROM weir.{table} WHERE {within(*spans)} AND {condition(ends.where, known)} "  # noqa: S608 (weir's own names)
        f"AND ({found} OR {_maybe(ends, known, named)}) GROUP BY {', '.join(f'm_{name}' for name in by)}"
    )


def _maybe(ends: Ends, known: Columns, named: str) -> str:
    if isinstance(ends.server, Prefix):
        return "0"
    reasons = ", ".join(f"'{reason}'" for reason in NAMELESS)
    outside = f"remote_reason = 'external' AND {known['domain']} = ''"
    return f"{known['server']} = '' AND role != 'server' AND NOT {named} AND (remote_reason IN ({reasons}) OR {outside})"


def _sums(known: Columns) -> dict[str, str]:
    causes = ("opened", "failed", "refused", "timed_out", "reset")
    plain = ("retransmits", "packets_sent", "packets_received")
    both_ways = f"toUInt64({known['bytes_sent']} + {known['bytes_received']})"
    return {**{name: known[f"connections_{name}"] for name in causes}, **{name: known[name] for name in plain}, "bytes": both_ways}


def _any(terms: Sequence[Term], known: Columns) -> str:
    return f"({' OR '.join(condition(term, known) for term in terms)})"


def _micros(instant: str) -> str:
    return f"toUnixTimestamp64Micro(toDateTime64({instant}, 6, 'UTC'))"
