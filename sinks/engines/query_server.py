"""Answers questions of other processes while this one holds the data directory.

Bounded: four questions of people at a time and as many again waiting, and the same of the console beside them, so that neither takes the
other's place; each is limited by the engine. A client that does not speak, or does not take its answer, is dropped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa

from schemas.errors import Unavailable, WeirError
from sinks.engines.base import Engine
from sinks.engines.query_protocol import COMPOSED, MAX_SQL_BYTES, SOCKET_NAME, address, pack_error, pack_table, receive

log = logging.getLogger(__name__)

MAX_CLIENTS = 4
CLIENT_SECONDS = 30.0


class _Lane:
    """MAX_CLIENTS calls at a time, and as many waiting."""

    def __init__(self, name: str) -> None:
        self._slots = threading.BoundedSemaphore(2 * MAX_CLIENTS)
        self._pool = ThreadPoolExecutor(MAX_CLIENTS, name)

    def take(self, call: Callable[[socket.socket], None], client: socket.socket) -> bool:
        """False: there is no room. `call` closes the client."""
        taken = self._slots.acquire(blocking=False)
        if taken:
            self._pool.submit(self._run, call, client)
        return taken

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, call: Callable[[socket.socket], None], client: socket.socket) -> None:
        try:
            call(client)
        except OSError as error:
            log.debug("a client of the query socket went away: %s", error)
        finally:
            self._slots.release()


class QueryServer:
    """Serves from its making until `close`. Whoever makes it holds the directory's lock, so a socket found there is a dead one's."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self._path = directory / SOCKET_NAME
        self._engine = engine
        self._socket = _listen(directory, self._path)
        self._reading, self._people, self._console = (_Lane(f"weir-query-{name}") for name in ("read", "people", "console"))
        self._thread = threading.Thread(target=self._accept, name="weir-query-socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Takes no more questions, lets those under way end, and removes the socket."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        for lane in (self._reading, self._people, self._console):
            lane.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            if not self._reading.take(self._read, client):
                client.close()

    def _read(self, client: socket.socket) -> None:
        """Takes the request, and hands it on to be answered."""
        with contextlib.ExitStack() as held:
            held.enter_context(client)
            client.settimeout(CLIENT_SECONDS)
            try:
                request = receive(client, MAX_SQL_BYTES)
                composed = request.startswith(COMPOSED)
                lane, ask = (self._console, self._engine.ask) if composed else (self._people, partial(self._engine.query, guarded=True))
                if not lane.take(partial(_answer, ask, request.removeprefix(COMPOSED)), client):
                    raise Unavailable("the process that holds the data directory has too many questions at a time: ask again.")
                held.pop_all()
            except WeirError as error:
                client.sendall(pack_error(error))


def _answer(ask: Callable[[str], pa.Table], request: bytes, client: socket.socket) -> None:
    with client:
        try:
            packed = pack_table(ask(request.decode("utf-8")))
        except UnicodeDecodeError:
            packed = pack_error(WeirError("the statement is not UTF-8: send it as UTF-8."))
        except WeirError as error:
            packed = pack_error(error)
        client.sendall(packed)


def _listen(directory: Path, path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor, where = address(directory)
    old_mask = os.umask(0o177)
    try:
        listener.bind(where)
        listener.listen(2 * MAX_CLIENTS)
    finally:
        os.umask(old_mask)
        os.close(descriptor)
    return listener
