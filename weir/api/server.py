"""Runs the API until it is told to stop."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

LINGER_SECONDS = 2


class _Server(uvicorn.Server):
    """Its own way with signals would raise them again after the end, and end the process by them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield


def serve(app: ASGIApp, host: str, port: int) -> None:
    """Returns when a signal has come and answers under way are given, or LINGER_SECONDS later."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=LINGER_SECONDS,
    )
    _Server(config).run()
