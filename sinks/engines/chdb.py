"""chDB: the ClickHouse engine inside this process, on a directory of its own."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa

from schemas.errors import Unavailable, WeirError
from sinks.engines.base import DATABASE, Settings
from sinks.engines.composed import check_composed
from sinks.engines.directory import DirectoryLock
from sinks.engines.errors import code_of, server_error
from sinks.engines.guard import check
from sinks.engines.limits import CONSOLE_LIMITS, READ_LIMITS
from sinks.engines.native import is_native, write_native
from sinks.engines.payload import Payload
from sinks.engines.quoting import quoted
from sinks.engines.result import with_text, with_types

_OF_READERS: dict[str, str | int] = {
    "allow_introspection_functions": 0,
    "output_format_arrow_string_as_string": 0,
    "output_format_arrow_compression_method": "none",
}
READER = {**READ_LIMITS, **_OF_READERS}
CONSOLE = {**CONSOLE_LIMITS, **_OF_READERS}
"""Introspection is on in the embedded engine. Text may hold any bytes, and Arrow's strings may not. Within a process nothing gains by
compression."""
_NUMBERS = frozenset((pa.bool_(), pa.uint8(), pa.int32(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()))
"""That are nothing else; uint32 may be an instant or an address, uint16 a day, int8 an enum."""
_VALUE = re.compile(r"'(?:[^'\\]|\\.)*'|\b\d+")
_NO_SELECT = ("SHOW", "DESCRIBE", "EXISTS", "EXPLAIN")

T = TypeVar("T")


CONSOLE_SESSIONS = 2
"""A long question of the console's holds up half of the others, and none of a person's own."""
_SHAPES = 500


class ChdbEngine:
    """Sessions, each with its lock: one writes, one answers a person's questions, so that a long one holds up other questions and no
    insert; some answer the console's. Those that answer are opened when the first question comes.

    None keeps the interpreter's lock while the engine works, so that an event loop in another thread goes on.
    """

    def __init__(self, directory: Path) -> None:
        self.name = f"chDB in {directory}"
        self._directory = directory
        self._lock = DirectoryLock(directory)
        try:
            self._writer = _Session(directory, self.name)
            self._payload = Payload()
            self._opening = threading.Lock()
            self._closed = False
            self._reader: _Session | None = None
            self._console: list[_Session] = []
            self._free: queue.SimpleQueue[_Session] = queue.SimpleQueue()
        except BaseException:
            self._lock.release()
            raise

    def execute(self, sql: str) -> None:
        self._writer.execute(sql)

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        native = is_native(rows)
        form, write = ("Native", partial(_write_block, rows)) if native else ("ArrowStream", partial(_write_stream, rows))
        with self._payload.holding(write):
            self.execute(f"{insert_statement(table, rows, {**settings, **Payload.settings})} {self._payload.select(form)}")

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        if not guarded:
            return self._writer.query(sql)
        reader = self._persons_session()
        return with_text(reader.query(check(sql, self.name, reader.ask)))

    def ask(self, sql: str) -> pa.Table:
        check_composed(sql)
        session = self._console_session()
        try:
            return with_text(session.query_composed(sql))
        finally:
            self._free.put(session)

    def _persons_session(self) -> _Session:
        with self._opening:
            if self._reader is None:
                self._reader = self._opened(READER)
            return self._reader

    def _console_session(self) -> _Session:
        with self._opening:
            if self._free.empty() and len(self._console) < CONSOLE_SESSIONS:
                self._console.append(self._opened(CONSOLE))
                return self._console[-1]
        return self._free.get()

    def _opened(self, settings: Settings) -> _Session:
        if self._closed:
            raise _is_closed(self.name)
        return _Session(self._directory, self.name, settings)

    def close(self) -> None:
        with self._opening:
            self._closed = True
            for session in (self._reader, *self._console, self._writer):
                if session is not None:
                    session.close()
        self._payload.close()
        self._lock.release()


class _Session:
    """One chDB session and its lock; errors come out as weir's."""

    def __init__(self, directory: Path, name: str, settings: Settings | None = None) -> None:
        self._name = name
        self._mutex = threading.Lock()
        self._inside = False
        self._limited = settings is not None
        self._types: dict[str, list[str]] = {}
        self._session: Any = self._guard(lambda: _open(directory))
        if settings:  # readonly last: it forbids all others
            self.execute(f"SET {_assigned(sorted(settings.items(), key=lambda item: item[0] == 'readonly'))}")

    def execute(self, sql: str) -> None:
        self.run(lambda session: session.query(sql))

    def run(self, call: Callable[[Any], T]) -> T:
        with self._mutex:
            if self._session is None:
                raise _is_closed(self._name)
            try:
                return self._guard(lambda: call(self._session))
            except WeirError:
                self._drain()
                raise

    def ask(self, sql: str) -> str:
        """The one column of an answer as text, a line a row."""
        answer: bytes = self.run(lambda session: session.query(sql, "TSVRaw").bytes())
        return answer.decode("utf-8", "backslashreplace")

    def query(self, sql: str) -> pa.Table:
        self._enter_database()
        types = self.run(lambda session: _column_types(session, sql))
        return _marked(self._answer(sql), types)

    def query_composed(self, sql: str) -> pa.Table:
        """Types are asked for where Arrow's leave a doubt, once for all statements that differ in numbers and texts alone.

        It costs as much as half an answer: what stands in WITH is computed for it too.
        """
        table = self._answer(sql)
        if all(_certain(field.type) for field in table.schema):
            return table
        shape = _VALUE.sub("?", sql)
        if shape not in self._types:
            if len(self._types) >= _SHAPES:
                self._types.clear()
            self._types[shape] = self.run(lambda session: _column_types(session, sql))
        return _marked(table, self._types[shape])

    def _answer(self, sql: str) -> pa.Table:
        data = self.run(lambda session: session.query(f"{sql.rstrip().rstrip(';')}\n", "ArrowStream").bytes())
        return pa.ipc.open_stream(data).read_all() if data else pa.table({})

    def close(self) -> None:
        with self._mutex:
            if self._session is not None:
                self._session.close()
            self._session = None

    def _drain(self) -> None:
        """What a statement had answered before it failed stands in front of the session's next answer: one that nobody reads takes it."""
        with contextlib.suppress(RuntimeError):
            self._session.query("SELECT 1")

    def _enter_database(self) -> None:
        """Names without a database mean weir's, as soon as there is one."""
        if not self._inside:
            found = self.run(lambda session: session.query(f"SELECT count() FROM system.databases WHERE name = '{DATABASE}'").bytes())  # noqa: S608
            if found.strip() == b"1":
                self.run(lambda session: session.query(f"USE {DATABASE}"))
                self._inside = True

    def _guard(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except RuntimeError as error:  # the engine's own errors and those of its streams
            raise server_error(self._name, code_of(str(error)), _engine_words(str(error)), limited=self._limited) from error
        except OSError as error:
            raise Unavailable(f"{self._name} cannot be reached: {error.strerror or error}.") from error


def _is_closed(name: str) -> WeirError:
    return WeirError(f"{name} has been closed: open it again.")


def _marked(table: pa.Table, types: list[str]) -> pa.Table:
    return with_types(table, types) if len(types) == table.num_columns else table


def _certain(kind: pa.DataType) -> bool:
    """Text is taken for text without a mark, but in lists."""
    return kind == pa.binary() or (kind.value_type if pa.types.is_list(kind) else kind) in _NUMBERS


def _open(directory: Path) -> Any:
    """Loads the engine, which is 300 MB: only who opens a directory pays for it."""
    from chdb.session import Session

    session: Any = Session
    return session(str(directory))


def _assigned(settings: Iterable[tuple[str, str | int]]) -> str:
    return ", ".join(f"{key} = {value if isinstance(value, int) else quoted(value)}" for key, value in settings)


def insert_statement(table: str, rows: pa.Table, settings: Settings) -> str:
    """INSERT with its columns and settings, without FORMAT and data."""
    columns = ", ".join(f"`{name}`" for name in rows.column_names)
    values = _assigned(settings.items())
    return f"INSERT INTO {table} ({columns})" + (f" SETTINGS {values}" if values else "")  # noqa: S608 (names are weir's own)


def _write_block(rows: pa.Table, file: BinaryIO) -> None:
    write_native(rows, file.write)


def _write_stream(rows: pa.Table, file: BinaryIO) -> None:
    """One record batch: dictionaries of several chunks are made one first."""
    whole = rows.unify_dictionaries().combine_chunks()
    with pa.ipc.new_stream(pa.PythonFile(file, "w"), whole.schema) as writer:
        writer.write_table(whole)


def _column_types(session: Any, sql: str) -> list[str]:
    """ClickHouse types, one a column; empty for statements that are no SELECT: their answers are text and numbers."""
    if sql.lstrip().startswith(_NO_SELECT):
        return []
    try:
        described = session.query(f"DESCRIBE TABLE (\n{sql.rstrip().rstrip(';')}\n)", "ArrowStream").bytes()
    except RuntimeError:
        return []  # the statement itself will say what is wrong with it
    types = pa.ipc.open_stream(described).read_all().column("type")
    return list(types.cast(pa.binary()).cast(pa.string()).to_pylist())


def _engine_words(text: str) -> str:
    """Without the wrapping of the streaming insert."""
    start = text.find("Code: ")
    return text if start < 0 else text[start:]
