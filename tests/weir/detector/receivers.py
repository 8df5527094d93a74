"""A webhook and an Alertmanager on one port, that go away, refuse, hang, or take a post and do not say so; they remember what came."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from tests.support.kafka import free_ports
from tests.support.processes import wait_for

Mood = Literal["well", "refuses", "hangs", "forgets to answer"]


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers.get("idempotency-key", "")


@dataclass
class Receivers:
    """`start` after `stop` is on the same port. `mood`: of both; any thread may set it."""

    mood: Mood = "well"
    posts: list[Post] = field(default_factory=list)
    tries: int = 0
    port: int = field(default_factory=lambda: free_ports(1)[0])

    def __post_init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None
        self._over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Receivers:
        self._over.clear()
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self), bind_and_activate=False)
        server.allow_reuse_address, server.daemon_threads, server.block_on_close = True, True, False
        server.server_bind()
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._server = server
        return self

    def stop(self) -> None:
        self._over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def hooks(self) -> list[Post]:
        return [post for post in tuple(self.posts) if post.path == "/hook"]

    def alerts(self) -> list[list[dict[str, Any]]]:
        return [json.loads(post.body) for post in tuple(self.posts) if post.path == "/api/v2/alerts"]

    def until(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        wait_for(condition, seconds, what)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        self.tries += 1
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        mood = self.mood
        if mood in ("well", "forgets to answer"):
            self.posts.append(Post(handler.path, {name.lower(): value for name, value in handler.headers.items()}, body))
        if mood == "hangs":
            self._over.wait(30)
        if mood in ("forgets to answer", "hangs"):
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(500 if mood == "refuses" else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def __enter__(self) -> Receivers:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _handler(receivers: Receivers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                receivers.take(self)
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler
