"""A stand-in for Confluent's schema registry, over HTTP: it answers the two calls that weir makes, and checks nothing."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from tests.schemas.registry import InMemoryRegistry


class SchemaRegistry:
    """`memory`: what it holds, for the test that runs it."""

    def __init__(self, host: str = "127.0.0.1", certificate: Path | None = None) -> None:
        """`certificate`: with its key in one PEM file, for https."""
        self.memory = InMemoryRegistry()
        self._server = ThreadingHTTPServer((host, 0), _handler(self.memory))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' * (certificate is not None)}://{host}:{self._server.server_port}"

    def __enter__(self) -> SchemaRegistry:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class JsonHandler(BaseHTTPRequestHandler):
    """Answers in JSON, and says nothing about it."""

    def answer(self, status: int, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _handler(memory: InMemoryRegistry) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            """/subjects/NAME/versions"""
            schema = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["schema"]
            with lock:
                self.answer(200, {"id": memory.register(self.path.split("/")[2], schema)})

        def do_GET(self) -> None:
            """/schemas/ids/NUMBER"""
            schema = memory.get_schema(int(self.path.partition("?")[0].rpartition("/")[2]))
            self.answer(*((404, {"message": "not found"}) if schema is None else (200, {"schema": schema})))

    return Handler
