"""What clients send to external ends: when, window by window, and how much, day by day."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from sinks.queries.edges import Ask
from sinks.queries.security import ROWS, before, edges_of, keys, listed, named, rows_of
from sinks.queries.spans import Oldest, Span

_OUTSIDE = "{client} != '' AND {server} = '' AND {reason} = 'external'"
_END = ("network", "client", "domain")
_SUMS = ("bytes_sent", "bytes_received", "window_start")


def ask_beats(ask: Ask, span: Span, fewest: int, most: int) -> pa.Table:
    """network, client, domain, address, service_port, window_s (the longest), and at_s and sizes: lists, of windows and of the bytes sent
    in them.

    The windows are those in which connections were opened; of a client that opens too few, all. Of a domain's addresses one is told.
    """
    shown = (*_END, "service_port", "server_ip", "window_start", "window_seconds", "connections_opened", "bytes_sent")
    rows = rows_of("flows", [span], shown, f"{_OUTSIDE} AND {{role}} != 'server'")
    pair = "b_network, b_client, b_domain, place, b_service_port"
    windows = (
        "SELECT b_network, b_client, b_domain, if(b_domain = '', b_server_ip, '') AS place, b_service_port, "  # noqa: S608
        "tuple(b_window_start, toInt64(sum(b_bytes_sent))) AS beat, sum(b_connections_opened) > 0 AS begun, "
        f"any(b_server_ip) AS ip, max(b_window_seconds) AS lasts FROM ({rows}) GROUP BY {pair}, b_window_start"
    )
    pairs = (
        f"SELECT {pair}, any(ip) AS ip, toInt64(max(lasts)) AS window_s, "  # noqa: S608
        f"arraySort(if(countIf(begun) >= {int(fewest)}, groupArrayIf(beat, begun), groupArray(beat))) AS beats "
        f"FROM ({windows}) GROUP BY {pair} HAVING length(beats) BETWEEN {int(fewest)} AND {int(most)} LIMIT {ROWS}"
    )
    return ask(
        f"SELECT {named(_END)}, ip AS address, b_service_port AS service_port, window_s, "  # noqa: S608
        f"arrayMap(x -> x.1, beats) AS at_s, arrayMap(x -> x.2, beats) AS sizes FROM ({pairs})"
    )


def ask_outflows(ask: Ask, span: Span, least: int, oldest: Oldest) -> pa.Table:
    """network, client, end (a domain; empty: all without one), sent, received, at_s: of external ends that were sent more than `least`
    bytes, and more than came back.
    """
    rows = edges_of(span, oldest, (*_END, *_SUMS), _OUTSIDE)
    return ask(
        "SELECT b_network AS network, b_client AS client, b_domain AS end, toInt64(sum(b_bytes_sent)) AS sent, "  # noqa: S608
        f"toInt64(sum(b_bytes_received)) AS received, min(b_window_start) AS at_s FROM ({rows}) "
        f"GROUP BY {keys(_END)} HAVING sent > {int(least)} AND sent > received ORDER BY sent DESC LIMIT {ROWS}"
    )


def ask_outflow_days(ask: Ask, clients: Iterable[tuple[str, str]], span: Span, oldest: Oldest) -> pa.Table:
    """network, client, end, day, sent, received: what these clients and external ends exchanged on each day of the span."""
    rows = before(span, oldest, (*_END, *_SUMS), f"{_OUTSIDE} AND ({{network}}, {{client}}) IN ({listed(clients)})")
    return ask(
        "SELECT b_network AS network, b_client AS client, b_domain AS end, intDiv(b_window_start, 86400) AS day, "  # noqa: S608
        f"toInt64(sum(b_bytes_sent)) AS sent, toInt64(sum(b_bytes_received)) AS received FROM ({rows}) "
        f"GROUP BY {keys(_END)}, day LIMIT {ROWS}"
    )
