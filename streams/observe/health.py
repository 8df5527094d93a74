"""Health endpoint of a worker (`/health`, `/health/live`, `/metrics`), and the watchdog that ends a stuck one.

/metrics      Prometheus metrics
/health       200 where everything goes on, 503 while it starts, waits or is behind: for people and readiness probes
/health/live  503 where only a new start helps: for liveness probes. A server that is away is no reason to start again.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from schemas.errors import WeirError
from streams.observe.liveness import Liveness

_LOOK_SECONDS = 1.0
_LAST_SECONDS = 20.0
"""How long a stuck worker may take to end in an orderly way."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, self.server_address[0] not in ("", "::"))
        super().server_bind()


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(address: str, port: int, progress: Liveness) -> None:
    """Answers in threads of its own, as long as the process lives. Raises WeirError where the port is not to be had.

    `address`: an IPv4 or IPv6 address of this machine; empty: every address, of both where the machine has both.
    """
    v6 = ":" in address or (not address and socket.has_dualstack_ipv6())
    try:
        server = make_server(address, port, _application(progress), _ServerV6 if v6 else _Server, _Silent)
    except OSError as error:
        where = f"WEIR_METRICS_PORT={port}" + (f" of WEIR_METRICS_ADDRESS={address}" if address else "")
        raise WeirError(f"{where} cannot be listened on ({error.strerror}); choose another, or 0 for none.") from error
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()


def _application(progress: Liveness) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    metrics = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in ("/health", "/health/live"):
            answered: Iterable[bytes] = metrics(environ, start_response)
            return answered
        verdict = progress.verdict()
        well = verdict.fit if path == "/health" else not verdict.stuck
        start_response("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{verdict.line}\n".encode()]

    return answer


class Watchdog(threading.Thread):
    """Ends a worker that is stuck: by `stop`, or, where it does not even end, with the process. Nothing is lost by either."""

    def __init__(self, progress: Liveness, stop: threading.Event, look_seconds: float = _LOOK_SECONDS) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._progress = progress
        self._stop_worker = stop
        self._look_seconds = look_seconds
        self._over = threading.Event()
        self._complaint = ""

    def run(self) -> None:
        while not self._over.wait(self._look_seconds):
            verdict = self._progress.verdict()
            if verdict.stuck and not self._stop_worker.is_set():
                self._complaint = f"The worker is stuck: {verdict.line}; it ends, and a new one goes on from what is committed."
                self._stop_worker.set()
                if not self._over.wait(_LAST_SECONDS):
                    sys.stderr.write(f"{self._complaint}\n")
                    sys.stderr.flush()
                    os._exit(1)
                return

    def close(self) -> None:
        """The worker has ended, one way or another."""
        self._over.set()

    def check(self) -> None:
        """Raises WeirError where it has ended because it was stuck."""
        if self._complaint:
            raise WeirError(self._complaint)
