"""What goes over a data directory's query socket.

Request: the SQL as UTF-8, behind COMPOSED where weir composed it, then the end of the sender's half. Answer: one byte, `A` and an Arrow IPC
stream, or that of an error in KINDS and its sentence; then the end. One request a connection.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow as pa

from schemas.errors import Unavailable, WeirError
from sinks.engines.errors import TooLarge, TooLong

SOCKET_NAME = "query.sock"
MAX_SQL_BYTES = 1 << 20
COMPOSED = b"\0composed\0"
"""No statement begins with a NUL."""
KINDS: dict[bytes, type[WeirError]] = {b"T": TooLong, b"L": TooLarge, b"U": Unavailable, b"E": WeirError}
"""The most telling first."""


def address(directory: Path) -> tuple[int, str]:
    """A descriptor of the directory, to be closed by the caller, and the socket's address through it.

    A socket's own path may have 107 bytes; a directory's path may be any length.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return descriptor, f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"


def receive(connection: socket.socket, limit: int | None = None) -> bytes:
    """Everything until the other side has no more; `WeirError` beyond the limit."""
    parts, size = [], 0
    while part := connection.recv(1 << 16):
        parts.append(part)
        size += len(part)
        if limit is not None and size > limit:
            raise WeirError(f"the statement is longer than {limit} bytes: shorten it.")
    return b"".join(parts)


def pack_table(table: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return b"A" + bytes(out.getvalue())


def pack_error(error: WeirError) -> bytes:
    return next(kind for kind, one in KINDS.items() if isinstance(error, one)) + str(error).encode()


def unpack(answer: bytes) -> pa.Table:
    """The table, or the error that the other side raised."""
    kind, body = answer[:1], answer[1:]
    if kind == b"A":
        return pa.ipc.open_stream(body).read_all()
    if kind in KINDS:
        raise KINDS[kind](body.decode(errors="replace"))
    raise Unavailable("the process that holds the data directory went away in the middle of an answer: ask again.")
