"""HTTP/1.1 over one plain socket: what a metadata service is asked with. http.client and urllib would stay with two megabytes.

No proxy, no redirect, no TLS, no name look-up; time and size of an answer are limited.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

CONNECT_SECONDS = 1.0
TOTAL_SECONDS = 2.0
ANSWER_BYTES = 65_536


def ask(address: tuple[str, int], method: str, path: str, fields: Mapping[str, str]) -> str:
    """The body of the answer, which has status 200 and is text.

    Raises OSError where nobody answers in time, ValueError with half a sentence where the answer is another.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    with socket.create_connection(address, CONNECT_SECONDS) as link:
        link.settimeout(_left(deadline))
        link.sendall(_request(address, method, path, fields))
        return _answer(link, deadline).decode()


def _request(address: tuple[str, int], method: str, path: str, fields: Mapping[str, str]) -> bytes:
    host, port = address
    length = {"Content-Length": "0"} if method == "PUT" else {}
    every = {"Host": host if port == 80 else f"{host}:{port}", **fields, **length, "Connection": "close"}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items())]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("a header field is no text of one line")
    return "\r\n".join((*lines, "", "")).encode()


def _answer(link: socket.socket, deadline: float) -> bytes:
    data = b""
    while True:
        link.settimeout(_left(deadline))
        piece = link.recv(ANSWER_BYTES)
        data += piece
        if len(data) > ANSWER_BYTES:
            raise ValueError(f"the answer is over {ANSWER_BYTES} bytes")
        body = _body(data, ended=not piece)
        if body is not None:
            return body
        if not piece:
            raise ValueError("the answer is torn")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError(f"no whole answer within {TOTAL_SECONDS:g} s")
    return left


def _body(data: bytes, *, ended: bool) -> bytes | None:
    """None where more has to come."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    status, *lines = head.split(b"\r\n")
    version, _, words = status.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("the answer is not HTTP")
    if words[:4].rstrip() != b"200":
        raise ValueError(f"status {ascii(words[:40].decode('latin-1'))}")
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(b":") for line in lines)}
    if fields.get(b"transfer-encoding") == b"chunked":
        return _from_chunks(rest)
    if b"content-length" not in fields:
        return rest if ended else None
    length = _number(fields[b"content-length"], 10)
    return rest[:length] if len(rest) >= length else None


def _from_chunks(rest: bytes) -> bytes | None:
    parts: list[bytes] = []
    while True:
        line, end, rest = rest.partition(b"\r\n")
        if not end:
            return None
        size = _number(line.partition(b";")[0].strip(), 16)
        if not size:
            return b"".join(parts)
        if len(rest) < size + 2:
            return None
        parts.append(rest[:size])
        rest = rest[size + 2 :]


def _number(text: bytes, base: int) -> int:
    number = int(text, base) if text.isalnum() else -1
    if number < 0:
        raise ValueError("the answer's length is no number")
    return number
