"""The two ends of a path as people write them, a workload and SERVER[:PORT], and lengths of time."""

from __future__ import annotations

import ipaddress
import re

from sinks.filter.tree import Prefix
from sinks.queries.path import Ends
from weir.query_options import UNITS_S, BadParameter

PROTOCOLS = ("tcp", "udp", "sctp", "icmp", "icmpv6")
_PORT = re.compile(r"(.+):([0-9]{1,5})", re.DOTALL)
_BRACKETS = re.compile(r"\[([^]]+)\](?::([0-9]{1,5}))?")
_LENGTH = re.compile(r"([1-9][0-9]{0,7})([smhdw])")
_MAPPED = bytes(10) + b"\xff\xff"
NAME_LIMIT = 1_000


def read_ends(client: str, server: str, protocol: str = "tcp", port: int | None = None) -> Ends:
    """`server`: a workload, a service, a domain, an address or a prefix; with `:PORT`, which an IPv6 address has behind brackets.

    Raises BadParameter.
    """
    _check_name("client", client)
    if _prefix(client):
        raise BadParameter("client", f"client={client[:60]} is an address: name the workload, whose own node saw what it tried.")
    name, own_port = _split(server)
    _check_name("server", name)
    if protocol not in PROTOCOLS:
        raise BadParameter("protocol", f"protocol={protocol[:60]} is not known: known are {', '.join(PROTOCOLS)}.")
    if port is not None and own_port is not None and port != own_port:
        raise BadParameter("port", f"port={port} is not that of server={server[:60]}: leave one out.")
    return Ends(client, _prefix(name) or name, protocol, own_port if port is None else port)


def ends_text(ends: Ends) -> str:
    """The server with its port."""
    server = ends.server.written if isinstance(ends.server, Prefix) else ends.server
    if ends.port is None:
        return server
    return f"[{server}]:{ends.port}" if ":" in server else f"{server}:{ends.port}"


def _split(text: str) -> tuple[str, int | None]:
    found = _BRACKETS.fullmatch(text)
    if found is None and _prefix(text) is None:
        found = _PORT.fullmatch(text)
    if found is None:
        return text, None
    name, port = found.groups()
    if port is not None and int(port) > 65_535:
        raise BadParameter("server", f"server={text[:60]} has no port that can be: write one from 0 to 65535.")
    return name, None if port is None else int(port)


def _check_name(parameter: str, name: str) -> None:
    if not name or len(name) > NAME_LIMIT:
        raise BadParameter(parameter, f"{parameter}={name[:60]} names no end: write a workload's name.")


def _prefix(text: str) -> Prefix | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Prefix(_bytes(network.network_address), _bytes(network.broadcast_address), text)


def _bytes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return address.packed if address.version == 6 else _MAPPED + address.packed


def read_length(parameter: str, text: str) -> int:
    """Seconds of 90s, 15m, 1h, 2d or 1w. Raises BadParameter."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise BadParameter(parameter, f"{parameter}={text[:60]} is no length of time: write 15m, 1h or 2d.")
    return int(found.group(1)) * UNITS_S[found.group(2)]
