"""WEIR_CIDRS: labels for addresses that lie outside, written `10.0.0.0/8=onprem,0.0.0.0/0=external`."""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LABEL_LIMIT = 512


def parse_cidrs(text: str) -> tuple[tuple[Network, str], ...]:
    """(network, label) pairs in the order written. ValueError with one sentence that names the part at fault."""
    seen: dict[Network, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        network, label = _parse_one(part)
        if network in seen:
            raise ValueError(f"{network} appears twice, as {seen[network]!r} and as {label!r}; keep one of them")
        seen[network] = label
    return tuple(seen.items())


def _parse_one(part: str) -> tuple[Network, str]:
    address, equals, label = (piece.strip() for piece in part.partition("="))
    if not equals or not label:
        raise ValueError(f"{part!r} has no label; write it as 10.0.0.0/8=onprem")
    if len(label.encode()) > LABEL_LIMIT or not label.isprintable():
        raise ValueError(f"the label of {address} is over {LABEL_LIMIT} bytes or holds control characters; give it a plain name")
    try:
        return ipaddress.ip_network(address), label
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 10.0.0.0/8 or 2001:db8::/32 before the '='") from error
