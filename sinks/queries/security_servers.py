"""How many ends a client talks to, and what a server takes and on which ports: now, and as it is usual."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from sinks.engines.result import readable
from sinks.queries.edges import Ask
from sinks.queries.security import MET, ROWS, TELLABLE, addresses, before, keys, listed, named, rows_of
from sinks.queries.spans import Oldest, Span

_HOUR_S, _STEPS_IN_AN_HOUR = 3_600, 12
_CLIENT, _SERVER = ("network", "client"), ("network", "server", "service_port")
_ENDS = f"{TELLABLE} AND ({{server}} != '' OR {{domain}} != '')"
_SERVERS = "toInt64(uniqExact(b_server, b_domain)) AS servers"


def ask_fans(ask: Ask, step: Span, fewest: int) -> pa.Table:
    """network, client, servers: with how many named ends a client talked in the step, where they are more than `fewest`."""
    rows = rows_of("edges_5m", [step], (*_CLIENT, "server", "domain"), _ENDS)
    many = f"GROUP BY {keys(_CLIENT)} HAVING servers > {int(fewest)} LIMIT {ROWS}"
    return ask(f"SELECT {named(_CLIENT)}, {_SERVERS} FROM ({rows}) {many}")  # noqa: S608


def ask_usual_fans(ask: Ask, clients: Iterable[tuple[str, str]], span: Span) -> pa.Table:
    """network, client, servers: the 99th percentile of whole hours of the span."""
    where = f"{_ENDS} AND ({{network}}, {{client}}) IN ({listed(clients)})"
    rows = rows_of("edges_1h", [_hours(span)], (*_CLIENT, "server", "domain", "window_start"), where)
    hours = f"SELECT {keys(_CLIENT)}, {_SERVERS} FROM ({rows}) GROUP BY {keys(_CLIENT)}, b_window_start"  # noqa: S608
    usual = "quantileExact(0.99)(hour.servers) AS servers"
    return ask(f"SELECT {named(_CLIENT)}, {usual} FROM ({hours}) AS hour GROUP BY {keys(_CLIENT)}")  # noqa: S608


def ask_new_ports(ask: Ask, step: Span, history: Span, oldest: Oldest) -> pa.Table:
    """network, server, service_port, opened, at_s, clients (a list), sources (addresses of the server, with spaces between): TCP ports on
    which a workload answered in the step, and not within `history`.
    """
    key = ("network", "server", "port")
    known = before(history, oldest, key, f"{{server}} != '' AND {{protocol}} = 'tcp' AND {MET}")
    shown = (*_SERVER, "port", "client", "server_ip", "connections_opened", "window_start")
    rows = rows_of("flows", [step], shown, "{server} != '' AND {protocol} = 'tcp' AND {connections_opened} > 0")
    found = ask(
        f"SELECT {named(_SERVER)}, toInt64(sum(b_connections_opened)) AS opened, min(b_window_start) AS at_s, "  # noqa: S608
        f"groupUniqArray(10)(b_client) AS clients, {addresses('b_server_ip')} AS sources FROM ({rows}) "
        f"WHERE ({keys(key)}) NOT IN ({known}) GROUP BY {keys(_SERVER)} ORDER BY opened DESC LIMIT {ROWS}"
    )
    return readable(found)


def ask_servers_of(ask: Ask, ports: Iterable[int], history: Span, oldest: Oldest) -> pa.Table:
    """network, service_port, servers: how many workloads answered on each of these ports within `history`."""
    wanted = ", ".join(str(int(port)) for port in sorted(set(ports)))
    where = f"{{server}} != '' AND {{protocol}} = 'tcp' AND {MET} AND {{service_port}} IN ({wanted})"
    rows = before(history, oldest, _SERVER, where)
    key = ("network", "service_port")
    return ask(f"SELECT {named(key)}, toInt64(uniqExact(b_server)) AS servers FROM ({rows}) GROUP BY {keys(key)}")  # noqa: S608


def ask_served(ask: Ask, step: Span, sources: int, opened: int, packets: int) -> pa.Table:
    """network, server, service_port, opened, packets, sources: of servers that took more than either, from so many addresses at least."""
    rows = rows_of("flows", [step], (*_SERVER, "client_ip", "connections_opened", "packets_sent"), "{server} != ''")
    return ask(
        f"SELECT {named(_SERVER)}, toInt64(sum(b_connections_opened)) AS opened, toInt64(sum(b_packets_sent)) AS packets, "  # noqa: S608
        f"toInt64(uniqExact(b_client_ip)) AS sources FROM ({rows}) GROUP BY {keys(_SERVER)} "
        f"HAVING sources >= {int(sources)} AND (opened > {int(opened)} OR packets > {int(packets)}) LIMIT {ROWS}"
    )


def ask_usual_served(ask: Ask, servers: Iterable[tuple[str, str]], span: Span) -> pa.Table:
    """network, server, service_port, opened, packets: in five minutes, by the 99th percentile of whole hours of the span."""
    where = f"({{network}}, {{server}}) IN ({listed(servers)})"
    rows = rows_of("edges_1h", [_hours(span)], (*_SERVER, "window_start", "connections_opened", "packets_sent"), where)
    hours = (
        f"SELECT {keys(_SERVER)}, sum(b_connections_opened) AS o, sum(b_packets_sent) AS p FROM ({rows}) "  # noqa: S608
        f"GROUP BY {keys(_SERVER)}, b_window_start"
    )
    of_five_minutes = ", ".join(
        f"quantileExact(0.99)({short}) / {_STEPS_IN_AN_HOUR} AS {name}" for short, name in (("o", "opened"), ("p", "packets"))
    )
    return ask(f"SELECT {named(_SERVER)}, {of_five_minutes} FROM ({hours}) GROUP BY {keys(_SERVER)}")  # noqa: S608


def _hours(span: Span) -> Span:
    return Span(span.start_s // _HOUR_S * _HOUR_S, span.end_s // _HOUR_S * _HOUR_S)
