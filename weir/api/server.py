"""Runs the API until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

LINGER_SECONDS = 2


class _Server(uvicorn.Server):
    """Its own way with signals would raise them again after the end, and end the process by them."""

    def __init__(self, config: uvicorn.Config, before_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_end = before_end

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_end()
        await super().shutdown(sockets)


def serve(app: ASGIApp, listener: socket.socket, before_end: Callable[[], None]) -> None:
    """Returns when a signal has come and answers under way are given, or LINGER_SECONDS later.

    `before_end`: ends what would go on for ever.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
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
    _Server(config, before_end).run(sockets=[listener])
