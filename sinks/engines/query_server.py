"""Answers questions of other processes while this one holds the data directory.

Bounded: four questions at a time and as many again waiting, each limited by the engine's reading limits; a client that does not speak,
or does not take its answer, is dropped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from schemas.errors import WeirError
from sinks.engines.base import Engine
from sinks.engines.query_protocol import MAX_SQL_BYTES, SOCKET_NAME, address, pack_error, pack_table, receive

log = logging.getLogger(__name__)

MAX_CLIENTS = 4
CLIENT_SECONDS = 30.0


class QueryServer:
    """Serves from its making until `close`. Whoever makes it holds the directory's lock, so a socket found there is a dead one's."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self._path = directory / SOCKET_NAME
        self._engine = engine
        self._socket = _listen(directory, self._path)
        self._slots = threading.BoundedSemaphore(2 * MAX_CLIENTS)
        self._pool = ThreadPoolExecutor(MAX_CLIENTS, "weir-query")
        self._thread = threading.Thread(target=self._accept, name="weir-query-socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Takes no more questions, lets those under way end, and removes the socket."""
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            if self._slots.acquire(blocking=False):
                self._pool.submit(self._serve, client)
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                client.settimeout(CLIENT_SECONDS)
                client.sendall(self._answer(client))
        except OSError as error:
            log.debug("a client of the query socket went away: %s", error)
        finally:
            self._slots.release()

    def _answer(self, client: socket.socket) -> bytes:
        try:
            sql = receive(client, MAX_SQL_BYTES).decode("utf-8")
            return pack_table(self._engine.query(sql, guarded=True))
        except UnicodeDecodeError:
            return pack_error(WeirError("the statement is not UTF-8: send it as UTF-8."))
        except WeirError as error:
            return pack_error(error)


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
