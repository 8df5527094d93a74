"""A ClickHouse server behind its native protocol, through clickhouse-driver."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa

from schemas.errors import Unavailable, WeirError
from sinks.engines.base import DATABASE, Settings
from sinks.engines.composed import check_composed
from sinks.engines.driver_columns import from_driver, to_driver
from sinks.engines.errors import connection_cause, server_error
from sinks.engines.guard import check
from sinks.engines.limits import CONSOLE_LIMITS, READ_LIMITS
from sinks.engines.result import with_types
from sinks.engines.url import Server
from sinks.engines.values import text

CONNECT_SECONDS = 10
ANSWER_SECONDS = 300
"""The longest silence in the middle of a call. A block of a million rows with its rollups takes seconds."""

T = TypeVar("T")


class DriverEngine:
    """One connection, made when needed and dropped after every error, so that no call meets the remains of another.

    Beside it are as many for the console's questions as were asked at the same time.
    """

    def __init__(self, server: Server, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.name = server.name
        self._server = server
        self._answer_seconds = answer_seconds
        self._mutex = threading.RLock()
        self._client: Any = None
        self._inside = False
        self._level: str | None = None
        self._types: dict[str, dict[str, str]] = {}
        self._opening = threading.Lock()
        self._others: list[DriverEngine] = []

    def execute(self, sql: str) -> None:
        self._run(lambda client: client.execute(sql))

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        types = self._column_types(table)
        missing = [name for name in rows.column_names if name not in types]
        if missing:
            raise WeirError(f"{self.name} has no column {missing[0]} in {table}: run `weir migrate`.")
        columns = [to_driver(rows.column(name), types[name]) for name in rows.column_names]
        names = ", ".join(f"`{name}`" for name in rows.column_names)
        statement = f"INSERT INTO {table} ({names}) VALUES"  # noqa: S608 (names are weir's own)
        self._run(lambda client: client.execute(statement, columns, columnar=True, types_check=False, settings=dict(settings)))

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        if not guarded:
            return self._run(lambda client: _answer(client, sql.rstrip().rstrip(";"), {}))
        limits = self._run(lambda client: _allowed(READ_LIMITS, _read_only(client)))
        statement = check(sql, self.name, lambda own: self._run(lambda client: _text(client, own, limits)))
        return self._run(lambda client: _answer(client, statement, limits))

    def ask(self, sql: str) -> pa.Table:
        check_composed(sql)
        with self._opening:
            other = self._others.pop() if self._others else DriverEngine(self._server, answer_seconds=self._answer_seconds)
        try:
            return other._answer_limited(sql)
        finally:
            with self._opening:
                self._others.append(other)

    def _answer_limited(self, sql: str) -> pa.Table:
        def answer(client: Any) -> pa.Table:
            if self._level is None:
                self._level = _read_only(client)
            return _answer(client, sql, _allowed(CONSOLE_LIMITS, self._level))

        return self._run(answer, limited=True)

    def close(self) -> None:
        with self._opening:
            for other in self._others:
                other.close()
            self._others.clear()
        with self._mutex:
            self._drop()

    def _column_types(self, table: str) -> dict[str, str]:
        """Read once a table; the driver must be told seconds from microseconds."""
        if table not in self._types:
            described = self._run(lambda client: client.execute(f"DESCRIBE TABLE {table}"))
            self._types[table] = {row[0]: row[1] for row in described}
        return self._types[table]

    def _run(self, call: Callable[[Any], T], *, limited: bool = False) -> T:
        with self._mutex:
            try:
                return call(self._connected())
            except Exception as error:
                self._drop()
                raise translated(self.name, error, limited=limited) from error
            except BaseException:
                self._drop()
                raise

    def _connected(self) -> Any:
        """A client whose names without a database mean weir's, as soon as there is one: a server refuses to enter what is not there."""
        if self._client is not None and self._inside:
            return self._client
        client = self._client or _client(self._server, "", self._answer_seconds)
        self._client = client
        if client.execute("SELECT count() FROM system.databases WHERE name = %(name)s", {"name": DATABASE})[0][0]:
            client.disconnect()
            self._client = _client(self._server, DATABASE, self._answer_seconds)
            self._inside = True
        return self._client

    def _drop(self) -> None:
        self._types.clear()
        self._level = None
        self._inside = False
        if self._client is not None:
            self._client.disconnect()
        self._client = None


def translated(name: str, error: Exception, *, limited: bool = False) -> WeirError:
    """What any exception out of clickhouse-driver means. A broken connection never says whether the server did what it was asked."""
    from clickhouse_driver import errors

    broken = (
        errors.NetworkError,
        errors.SocketTimeoutError,
        errors.UnexpectedPacketFromServerError,
        errors.UnknownPacketFromServerError,
        errors.PartiallyConsumedQueryError,
        errors.ChecksumDoesntMatchError,
        EOFError,
        OSError,
    )
    if isinstance(error, WeirError):
        return error
    if isinstance(error, errors.ServerException):
        return server_error(name, error.code, str(error.message), limited=limited)
    if isinstance(error, broken):
        return Unavailable(f"{name} does not answer ({_reason(error)}): {connection_cause(_reason(error))}")
    return WeirError(f"{name} cannot be given these values ({_reason(error)}): run `weir migrate` and `weir doctor`.")


def _client(server: Server, database: str, answer_seconds: float) -> Any:
    from clickhouse_driver import Client

    # it logs a traceback for every refused connection; the error that is raised says the same
    logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)
    return Client(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
        secure=server.secure,
        verify=server.verify,
        client_name="weir",
        connect_timeout=CONNECT_SECONDS,
        send_receive_timeout=answer_seconds,
        sync_request_timeout=CONNECT_SECONDS,
        settings={"insert_block_size": 1 << 40},
    )


def _read_only(client: Any) -> str:
    """The level that the user's profile sets."""
    found = client.execute("SELECT value FROM system.settings WHERE name = 'readonly'")
    return str(found[0][0]) if found else "0"


def _allowed(limits: Settings, level: str) -> Settings:
    """The settings to send with a question. A user whose profile is readonly = 1 may send none, and of readonly = 2 all but that one."""
    return {} if level == "1" else {name: value for name, value in limits.items() if level == "0" or name != "readonly"}


def _answer(client: Any, statement: str, limits: Settings) -> pa.Table:
    columns, header = client.execute(statement, columnar=True, with_column_types=True, settings=dict(limits))
    zone = client.connection.server_info.timezone
    data = columns or [()] * len(header)
    arrays = [from_driver(values, kind, zone) for values, (_, kind) in zip(data, header, strict=True)]
    return with_types(pa.Table.from_arrays(arrays, names=[name for name, _ in header]), [kind for _, kind in header])


def _text(client: Any, statement: str, limits: Settings) -> str:
    """The one column of an answer, a line a row."""
    return "\n".join(text(row[0]) for row in client.execute(statement, settings=dict(limits)))


def _reason(error: Exception) -> str:
    text = str(error).split("\n", 1)[0].strip().rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
