"""Questions to a data directory that another process holds."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pyarrow as pa

from schemas.errors import Unavailable, WeirError
from sinks.engines.base import Settings
from sinks.engines.composed import check_composed
from sinks.engines.limits import READ_SECONDS
from sinks.engines.query_protocol import COMPOSED, address, receive, unpack

ANSWER_SECONDS = 3.0 * READ_SECONDS
"""Longer than the engine may take: questions of others may stand before this one."""


class NobodyAnswers(Unavailable):
    """There is no socket, or nobody behind it."""


class SocketEngine:
    """`Engine` that can only ask."""

    def __init__(self, directory: Path) -> None:
        self.name = f"the process that holds {directory}"
        self._directory = directory
        self.query("SELECT 1")

    def execute(self, sql: str) -> None:
        raise WeirError(f"{self.name} only answers questions: stop it to change its tables.")

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        raise WeirError(f"{self.name} only answers questions: stop it to write to {table}.")

    def query(self, sql: str, *, guarded: bool = True) -> pa.Table:
        if "\0" in sql:
            raise WeirError("the statement has a NUL in it, which no statement may: leave it out.")
        return self._send(sql.encode())

    def ask(self, sql: str) -> pa.Table:
        check_composed(sql)
        return self._send(COMPOSED + sql.encode())

    def _send(self, request: bytes) -> pa.Table:
        with self._connect() as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                answer = receive(connection)
            except OSError as error:
                raise Unavailable(f"{self.name} did not answer ({error}): ask again.") from error
        return unpack(answer)

    def close(self) -> None:
        return None

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_SECONDS)
        try:
            descriptor, where = address(self._directory)
            try:
                connection.connect(where)
            finally:
                os.close(descriptor)
        except OSError as error:
            connection.close()
            raise NobodyAnswers(f"{self.name} does not listen for questions ({error.strerror}): wait until it has started.") from error
        return connection
