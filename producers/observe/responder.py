"""HTTP/1.1 for GET of a few pages: one thread, one connection at a time, limited in time and size.

http.server would stay with its megabytes.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

log = logging.getLogger("weir.agent")

CONNECTION_SECONDS = 2.0
REQUEST_BYTES = 4_096
WAITING_CONNECTIONS = 8
RETRY_SECONDS = 60.0
_TEXT = "text/plain; charset=utf-8"
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}
_REASONS |= {431: "Request Header Fields Too Large", 503: "Service Unavailable"}


class Page(NamedTuple):
    text: str
    status: int = 200
    content_type: str = _TEXT


class Responder(threading.Thread):
    """Answers until it is closed. A port that is not to be had is no reason not to count: it is tried again each minute."""

    def __init__(self, address: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        """`address`: IPv4 or IPv6; empty: every address of both. `pages`: by path."""
        super().__init__(name="weir-http", daemon=True)
        self._address = address
        self._port = port
        self._pages = pages
        self._over = threading.Event()
        self._listener: socket.socket | None = None
        self._complained = False

    def close(self) -> None:
        self._over.set()
        listener = self._listener
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.join(2 * CONNECTION_SECONDS)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._listener = _listen(self._address, self._port)
            except OSError as error:
                self._complain(error)
                self._over.wait(RETRY_SECONDS)
                continue
            with self._listener:
                self._serve(self._listener)

    def _serve(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            try:
                link, _ = listener.accept()
            except OSError:  # closed, or no file descriptor to be had
                self._over.wait(1.0)
                continue
            with link, suppress(OSError):
                self._answer(link)

    def _answer(self, link: socket.socket) -> None:
        deadline = time.monotonic() + CONNECTION_SECONDS
        page = self._page(_request(link, deadline))
        link.settimeout(max(0.01, deadline - time.monotonic()))
        link.sendall(_response(page))

    def _page(self, request: bytes | None) -> Page:
        if request is None:
            return Page(f"A request has {REQUEST_BYTES} bytes at most.\n", 431)
        words = request.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return Page("This is no HTTP request.\n", 400)
        page = self._pages.get(words[1].partition(b"?")[0].decode("latin-1"))
        if page is None:
            return Page(f"Only {' and '.join(self._pages)} are here.\n", 404)
        if words[0] != b"GET":
            return Page("Only GET is answered.\n", 405)
        try:
            return page()
        except Exception:
            log.exception("A page of the metrics port could not be made.")
            return Page("The page could not be made; the agent's log says why.\n", 500)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            where = f"WEIR_METRICS_PORT={self._port}" + (f" of WEIR_METRICS_ADDRESS={self._address}" if self._address else "")
            said = "%s cannot be listened on (%s): choose another. Counting goes on, and it is tried again each minute."
            log.error(said, where, error.strerror)
        self._complained = True


def _listen(address: str, port: int) -> socket.socket:
    both = address in ("", "::") and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=WAITING_CONNECTIONS, dualstack_ipv6=both)


def _request(link: socket.socket, deadline: float) -> bytes | None:
    """The request's head; None where it is too long. Raises TimeoutError."""
    data = b""
    while b"\r\n\r\n" not in data:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        link.settimeout(left)
        piece = link.recv(REQUEST_BYTES)
        if not piece:
            return data
        data += piece
        if len(data) > REQUEST_BYTES:
            return None
    return data


def _response(page: Page) -> bytes:
    body = page.text.encode()
    head = f"HTTP/1.1 {page.status} {_REASONS[page.status]}\r\nContent-Type: {page.content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
