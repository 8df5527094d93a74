"""The addresses of a network namespace, and since when they are there."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from producers.identity.creation_times import address_since, now_ns
from producers.identity.netlink import NETLINK_ROUTE, RTM_GETADDR, attributes, dump
from schemas.addresses import MAPPED

_ADDRESS, _LOCAL, _CACHEINFO = 1, 2, 6
_NODAD = 0x02
_TENTATIVE_OR_FAILED = 0x48
_NO_HOLDERS = ("kube-ipvs0",)
"""Links that kube-proxy's IPVS mode gives every Service's address on every node: the node answers for none of them."""


@dataclass(frozen=True, order=True)
class LocalAddress:
    """16 bytes, IPv4 as ::ffff:a.b.c.d. `since_ns`: CLOCK_MONOTONIC; now, where the kernel does not tell."""

    ip: bytes
    since_ns: int


def local_addresses() -> tuple[LocalAddress, ...]:
    """The addresses of the calling thread's namespace, without loopback and link-local ones, and those of links that hold none."""
    found: dict[bytes, int] = {}
    skipped = _indices(_NO_HOLDERS)
    for payload in dump(NETLINK_ROUTE, RTM_GETADDR, struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, _, flags, _, link = struct.unpack_from("=BBBBI", payload)
        if link in skipped:
            continue
        extra = attributes(payload, 8)
        raw = extra.get(_LOCAL, extra.get(_ADDRESS, b""))
        if family == socket.AF_INET and len(raw) == 4:
            raw = MAPPED + raw
        if len(raw) == 16 and not (family == socket.AF_INET6 and flags & _TENTATIVE_OR_FAILED) and is_global(raw):
            since = _since(family, flags, extra)
            found[raw] = min(since, found.get(raw, since))
    return tuple(LocalAddress(ip, since) for ip, since in sorted(found.items()))


def _indices(links: Iterable[str]) -> set[int]:
    """Of those links that the namespace has."""
    found = set()
    for link in links:
        with suppress(OSError):
            found.add(socket.if_nametoindex(link))
    return found


def _since(family: int, flags: int, extra: dict[int, bytes]) -> int:
    """An IPv6 address that had to be found free first could not be used from its creation on, and nothing tells for how long."""
    stamps = extra.get(_CACHEINFO, b"")
    if len(stamps) < 16 or (family == socket.AF_INET6 and not flags & _NODAD):
        return now_ns()
    (created,) = struct.unpack_from("=I", stamps, 8)
    return address_since(created)


def is_global(raw: bytes) -> bool:
    """Whether an address can name its holder to others: not loopback, link-local, multicast or unspecified."""
    if raw.startswith(MAPPED):
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(raw[12:])
    else:
        ip = ipaddress.IPv6Address(raw)
    broadcast = raw == MAPPED + b"\xff\xff\xff\xff"
    return not (broadcast or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)
