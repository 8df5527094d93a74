"""WEIR_CIDRS: labels for addresses that lie outside, written `172.16.0.0/12=onprem,198.51.100.0/24=partner`, or one on a line."""

from __future__ import annotations

import ipaddress
import re

from schemas.addresses import MAPPED
from schemas.names import NAME_BYTES

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network((MAPPED + bytes(4), 8 * len(MAPPED)))


def parse_cidrs(text: str) -> tuple[tuple[Network, str], ...]:
    """(network, label) pairs in the order written. ValueError with one sentence that names the part at fault."""
    seen: dict[Network, str] = {}
    for part in filter(None, (part.strip() for part in re.split(r"[,\n]", text))):
        network, label = _parse_one(part)
        if network in seen:
            raise ValueError(f"{network} appears twice, as {seen[network]!r} and as {label!r}; keep one of them")
        seen[network] = label
    return tuple(seen.items())


def _parse_one(part: str) -> tuple[Network, str]:
    address, equals, label = (piece.strip() for piece in part.partition("="))
    if not equals or not label:
        raise ValueError(f"{part!r} has no label; write it as 172.16.0.0/12=onprem")
    if len(label.encode()) > NAME_BYTES or not label.isprintable():
        raise ValueError(f"the label of {address} is over {NAME_BYTES} bytes or holds control characters; give it a plain name")
    try:
        return _as_ipv4(ipaddress.ip_network(address)), label
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 10.0.0.0/8 or 2001:db8::/32 before the '='") from error


def _as_ipv4(network: Network) -> Network:
    """IPv4-mapped ranges are the IPv4 ranges that they stand for, so that no range has two spellings."""
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        return ipaddress.IPv4Network((network.network_address.packed[12:], network.prefixlen - _MAPPED.prefixlen))
    return network
