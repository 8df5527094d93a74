"""As much netlink as the agent needs: dumps of addresses and of sockets, as structs.

A library would do; this one costs no memory, and the agent stays on every node for ever.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4
RTM_GETADDR, SOCK_DIAG_BY_FAMILY = 22, 20
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")


def dump(protocol: int, message_type: int, body: bytes) -> Iterator[bytes]:
    """The payloads that a dump request yields in the calling thread's network namespace.

    Raises OSError for what the kernel refuses; an unknown family or a missing diag module yields nothing.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as link:
        link.settimeout(5)
        link.sendto(_HEADER.pack(_HEADER.size + len(body), message_type, _REQUEST_DUMP, 1, 0) + body, (0, 0))
        while True:
            data = link.recv(1 << 18)
            for kind, payload in _messages(data):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    _refused(payload)
                    return
                yield payload


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _refused(payload: bytes) -> None:
    code = -struct.unpack_from("=i", payload)[0]
    if code not in (0, errno.ENOENT, errno.EOPNOTSUPP):
        raise OSError(code, os.strerror(code))


def attributes(payload: bytes, start: int) -> dict[int, bytes]:
    """The attributes that follow a fixed header of `start` bytes."""
    found: dict[int, bytes] = {}
    at = start
    while at + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = payload[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found
