"""Contacts of clients with ends that they had not met before: of a step, of the hour in which a client fails, and by address."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from sinks.engines.result import readable
from sinks.queries.edges import Ask
from sinks.queries.security import (
    CONTACTS,
    CONTACTS_OF_A_CLIENT,
    MET,
    ROWS,
    TELLABLE,
    addresses,
    before,
    keys,
    listed,
    named,
    rows_of,
    texts,
)
from sinks.queries.spans import Oldest, Span

FEWEST_FAILED, SUSPECTS = 5, 250
"""Clients that failed with so many ends are looked at: those with the most, where a network is down and all fail."""
_KEY = ("network", "client", "server", "domain", "port")
_SHOWN = ("network", "client", "server", "domain", "server_ip", "service_port")
_SUMS = ("connections_opened", "connections_failed", "bytes_sent", "bytes_received", "window_start", "client_ip")
_TCP = f"{{protocol}} = 'tcp' AND {TELLABLE}"
_TRIED = f"{_TCP} AND {{role}} != 'server'"
_NONE = pa.table({"network": pa.array([], pa.string()), "client": pa.array([], pa.string())})


def ask_new_contacts(ask: Ask, step: Span, history: Span, oldest: Oldest) -> pa.Table:
    """TCP connections that were established in the step between ends that had not talked on the port within `history`.

    network, client, server, domain, address, service_port, opened, failed, bytes_sent, bytes_received, at_s, sources (addresses of the
    client, with spaces between).
    """
    known = before(history, oldest, _KEY, f"{_TCP} AND {MET}")
    return ask(_contacts(rows_of("flows", [step], (*_SHOWN, "port", *_SUMS), _TCP), known, "opened > 0"))


def ask_first_contacts(ask: Ask, span: Span, step: Span, history: Span, oldest: Oldest) -> pa.Table:
    """TCP contacts of `span`, failed or not, with ends not tried within `history`, of clients that failed with many, the step included.

    Columns as of `ask_new_contacts`.
    """
    shown = ("network", "client", "server_ip", "service_port", "window_start")
    failing = rows_of("flows", [span], shown, f"{_TRIED} AND {{connections_failed}} > 0")
    found = ask(
        f"SELECT {named(('network', 'client'))} FROM ({failing}) GROUP BY network, client "  # noqa: S608 (composed of weir's own names)
        f"HAVING uniqExact(b_server_ip, b_service_port) >= {FEWEST_FAILED} AND max(b_window_start) >= {int(step.start_s)} "
        f"ORDER BY uniqExact(b_server_ip, b_service_port) DESC, network, client LIMIT {SUSPECTS}"
    )
    clients = [(row["network"], row["client"]) for row in found.to_pylist()]
    if not clients:
        return _NONE
    of_clients = f"({{network}}, {{client}}) IN ({listed(clients)})"
    known = before(history, oldest, _KEY, f"{_TCP} AND {of_clients}")
    return ask(_contacts(rows_of("flows", [span], (*_SHOWN, "port", *_SUMS), f"{_TRIED} AND {of_clients}"), known, "1"))


def ask_met(ask: Ask, contacts: Iterable[tuple[str, str, str, int]], span: Span) -> pa.Table:
    """network, client, address, service_port: those of the contacts (the same four) that had traffic in the span, under whatever name."""
    wanted = sorted(set(contacts))
    names, addresses = texts(client for _, client, _, _ in wanted), sorted({address for _, _, address, _ in wanted})
    ips = ", ".join(f"toIPv6({texts([one])})" for one in addresses)
    where = (
        f"({{local}} IN ({names}) OR {{remote}} IN ({names})) AND {{raw_ip}} IN ({ips}) "
        f"AND ({{network}}, {{client}}, {{server_ip}}, toUInt32({{service_port}})) IN ({listed(wanted)})"
    )
    rows = rows_of("flows", [span], ("network", "client", "server_ip", "service_port"), where)
    return ask(f"SELECT DISTINCT {named(('network', 'client'))}, b_server_ip AS address, b_service_port AS service_port FROM ({rows})")  # noqa: S608


def ask_callers(ask: Ask, servers: Iterable[str], domains: Iterable[str], history: Span, oldest: Oldest) -> pa.Table:
    """network, server, domain, port (of servers; of domains 0), clients: who has called one of these within `history`."""
    wanted = f"({{server}} IN ({texts(servers)}) OR {{domain}} IN ({texts(domains)}))"
    known = before(history, oldest, _KEY, f"{TELLABLE} AND {MET} AND {wanted}")
    found = ask(
        f"SELECT {named(('network', 'server', 'domain'))}, if(b_server = '', 0, b_port) AS port, groupUniqArray(200)(b_client) AS clients "  # noqa: S608
        f"FROM ({known}) GROUP BY network, server, domain, port LIMIT {ROWS}"
    )
    return readable(found)


def _contacts(rows: str, known: str, having: str) -> str:
    return (
        f"SELECT {named(('network', 'client', 'server', 'domain'))}, b_server_ip AS address, b_service_port AS service_port, "  # noqa: S608
        "toInt64(sum(b_connections_opened)) AS opened, toInt64(sum(b_connections_failed)) AS failed, "
        "toInt64(sum(b_bytes_sent)) AS bytes_sent, toInt64(sum(b_bytes_received)) AS bytes_received, "
        f"min(b_window_start) AS at_s, {addresses('b_client_ip')} AS sources FROM ({rows}) WHERE ({keys(_KEY)}) NOT IN ({known}) "
        f"GROUP BY {keys(_SHOWN)} HAVING {having} "
        f"ORDER BY network, client, at_s LIMIT {CONTACTS_OF_A_CLIENT} BY network, client LIMIT {CONTACTS}"
    )
