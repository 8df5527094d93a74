"""Who listens in a network namespace: TCP listeners and bound UDP sockets, with the cgroup that made them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from producers.identity.netlink import NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, attributes, dump
from schemas.addresses import MAPPED

TCP, UDP = 6, 17
_MESSAGE_BYTES = 72
_V6ONLY, _CGROUP_ID = 11, 21
_STATES = {TCP: 1 << 10, UDP: 1 << 7}
"""TCP in LISTEN; UDP that is bound and not connected stands in CLOSE."""
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True)
class Listener:
    """`ip`: 16 bytes, or None for a wildcard; a wildcard covers the address families that it says.

    `cgroup_id`: the cgroup that made the socket. `inode`: the socket's number in the file system of sockets, as /proc/PID/fd shows it.
    """

    cgroup_id: int
    protocol: int
    port: int
    ip: bytes | None
    covers_ipv4: bool
    covers_ipv6: bool
    inode: int = 0

    def covers(self, ip: bytes) -> bool:
        if self.ip is not None:
            return self.ip == ip
        return self.covers_ipv4 if ip.startswith(MAPPED) else self.covers_ipv6


def listeners() -> Iterator[Listener]:
    """The listeners of the calling thread's namespace.

    UDP sockets on ports of the ephemeral range are left out: most are clients that never called connect, and a
    server there goes by the node's name, which is coarse and true.
    """
    ephemeral = _ephemeral()
    for protocol in (TCP, UDP):
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, protocol, 0, _STATES[protocol])
            for payload in dump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, request):
                listener = _parse(family, protocol, payload)
                if listener is not None and not (protocol == UDP and listener.port in ephemeral):
                    yield listener


def _parse(family: int, protocol: int, payload: bytes) -> Listener | None:
    if len(payload) < _MESSAGE_BYTES:
        return None
    (port,) = struct.unpack_from("!H", payload, 4)
    extra = attributes(payload, _MESSAGE_BYTES)
    if port == 0 or len(extra.get(_CGROUP_ID, b"")) != 8:
        return None
    cgroup_id = int.from_bytes(extra[_CGROUP_ID], "little")
    (inode,) = struct.unpack_from("=I", payload, 68)
    if family == socket.AF_INET:
        raw = payload[8:12]
        return Listener(cgroup_id, protocol, port, MAPPED + raw if any(raw) else None, True, False, inode)
    raw = payload[8:24]
    v6only = extra.get(_V6ONLY, b"\0")[:1] != b"\0"
    return Listener(cgroup_id, protocol, port, raw if any(raw) else None, not v6only, True, inode)


def _ephemeral() -> range:
    low, high = (int(text) for text in _PORT_RANGE.read_text().split())
    return range(low, high + 1)
