"""A reverse proxy of a few lines: serves another server under a path, and cuts that path off or leaves it."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.processes import PATIENCE


class Proxy(ThreadingHTTPServer):
    """`strays`: what was asked outside of `path` (which begins and ends with /)."""

    daemon_threads = True

    def __init__(self, target: str, path: str, strips: bool, headers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.path, self.strips = urlsplit(target).netloc, path, strips
        self.headers = headers or {}
        self.strays: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{self.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        if not self.path.startswith(self.server.path):
            self.server.strays.append(self.path)
            self.send_error(404)
            return
        path = self.path[len(self.server.path) - 1 :] if self.server.strips else self.path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(self.server.target, timeout=30 * PATIENCE)
        connection.request(self.command, path, body, {**dict(self.headers), **self.server.headers, "Connection": "close"})
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while part := answer.read1(65_536):
                self.wfile.write(part)
        except OSError:
            pass  # the browser has left
        connection.close()

    do_POST = do_DELETE = do_GET  # noqa: N815 names of the standard library

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
