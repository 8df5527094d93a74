"""Test equipment, not a server: today's ClickHouse engine (chDB) in a process of its own, behind as much of the native protocol as
clickhouse-driver needs. It can be killed apart from its clients, which an engine inside the client cannot.

1. Says hello at revision 54430: settings come as text, and nothing newer is asked for.
2. Reads query packets and blocks with the driver's own stream classes.
3. INSERT: answers with an empty block of the table's columns, hands what follows to the engine as one Native stream.
4. Everything else: runs it and re-frames the engine's Native answer. Errors go back as exception packets.

No compression, no TLS, any user; the password must be the one it was started with. SIGUSR1: the next INSERT is stored, and its
connection closed instead of answered.

    python -m tests.support.clickhouse_host DIRECTORY PORT [PASSWORD [LISTEN]]
"""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import sys
import threading
from types import SimpleNamespace
from typing import Any

from chdb.session import Session
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.reader import read_binary_str, read_binary_uint8
from clickhouse_driver.streams.native import BlockInputStream, BlockOutputStream
from clickhouse_driver.varint import read_varint, write_varint
from clickhouse_driver.writer import write_binary_int32, write_binary_str, write_binary_uint8

from sinks.engines.payload import Payload

REVISION = 54430
BUFFER = 1 << 20
QUERY, DATA, PING = 1, 2, 4
HELLO_ANSWER, DATA_ANSWER, EXCEPTION, PONG, END = 0, 1, 2, 4, 5
INSERT = re.compile(r"^\s*INSERT\s+INTO\s+([\w.`]+)\s*\(([^)]*)\)\s*VALUES\s*$", re.IGNORECASE)

lose_next_answer = threading.Event()


class Bytes:
    """A socket's two methods over memory, for the driver's buffered reader and writer."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.at = bytearray(data), 0

    def recv_into(self, buffer: Any) -> int:
        part = self.data[self.at : self.at + len(buffer)]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)

    def sendall(self, part: bytes) -> None:
        self.data += part


def literal(value: str) -> str:
    return value if value.lstrip("-").isdigit() else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def context(revision: int) -> Any:
    settings = {"use_numpy": False, "strings_as_bytes": False, "strings_encoding": "utf-8", "use_client_time_zone": False}
    settings |= {"input_format_null_as_default": False, "namedtuple_as_json": True, "server_side_params": False}
    information = SimpleNamespace(used_revision=revision, timezone="UTC", session_timezone=None, get_timezone=lambda: "UTC")
    return SimpleNamespace(server_info=information, client_settings=settings, settings={})


class Client:
    """One connection."""

    def __init__(self, connection: socket.socket, directory: str, password: str) -> None:
        self.connection, self.directory, self.password, self.database = connection, directory, password, ""
        self.fin, self.fout = BufferedSocketReader(connection, BUFFER), BufferedSocketWriter(connection, BUFFER)
        self.blocks_in, self.blocks_out = BlockInputStream(self.fin, context(REVISION)), BlockOutputStream(self.fout, context(REVISION))

    def serve(self) -> None:
        with contextlib.suppress(EOFError, OSError), self.connection:
            if not self.hello():
                return
            while True:
                packet = read_varint(self.fin)
                if packet == PING:
                    write_varint(PONG, self.fout)
                    self.fout.flush()
                elif packet == QUERY and not self.query():
                    return

    def hello(self) -> bool:
        read_varint(self.fin), read_binary_str(self.fin)
        read_varint(self.fin), read_varint(self.fin), read_varint(self.fin)
        self.database, user, password = (read_binary_str(self.fin) for _ in range(3))
        if password != self.password:
            self.fail(
                516, f"{user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"
            )
            return False
        write_varint(HELLO_ANSWER, self.fout)
        write_binary_str("engine host for tests", self.fout)
        for number in (26, 9, REVISION):
            write_varint(number, self.fout)
        write_binary_str("UTC", self.fout)
        write_binary_str("engine host for tests", self.fout)
        write_varint(0, self.fout)
        self.fout.flush()
        return True

    def query(self) -> bool:
        """One query; False when the connection is to be closed without an answer."""
        sql, settings = self.read_query()
        self.read_block()  # external tables: none
        session = Session(self.directory)
        try:
            if self.database:
                session.query(f"USE {self.database}")
            match = INSERT.match(sql)
            if match is None:
                if settings:
                    # readonly last: nothing can be set after it
                    values = sorted(settings.items(), key=lambda item: item[0] == "readonly")
                    session.query(f"SET {', '.join(f'{name} = {literal(value)}' for name, value in values)}")
                self.answer(session, sql)
            elif not self.insert(session, match.group(1), match.group(2), settings):
                return False
            write_varint(END, self.fout)
            self.fout.flush()
        except RuntimeError as error:
            text = str(error)
            found = re.search(r"Code: (\d+)\. (.*)", text, re.DOTALL)
            self.fail(int(found.group(1)) if found else 1002, found.group(2) if found else text)
        finally:
            session.close()
        return True

    def read_query(self) -> tuple[str, dict[str, str]]:
        read_binary_str(self.fin)
        self.read_client_information()
        settings = {}
        while name := read_binary_str(self.fin):
            read_binary_uint8(self.fin)
            settings[name] = read_binary_str(self.fin)
        read_varint(self.fin)  # stage
        if read_varint(self.fin):
            raise EOFError("compression was asked for")
        return read_binary_str(self.fin), settings

    def read_client_information(self) -> None:
        read_binary_uint8(self.fin)
        for _ in range(3):
            read_binary_str(self.fin)
        read_binary_uint8(self.fin)
        for _ in range(3):
            read_binary_str(self.fin)
        for _ in range(3):
            read_varint(self.fin)
        read_binary_str(self.fin)  # quota key
        read_varint(self.fin)  # patch

    def insert(self, session: Any, table: str, columns: str, settings: dict[str, str]) -> bool:
        self.send_header(session, table, [name.strip(" `") for name in columns.split(",")])
        native = Bytes()
        writer = BufferedSocketWriter(native, BUFFER)
        stream = BlockOutputStream(writer, context(0))
        while (block := self.read_block()).num_columns:
            block.data = [list(column) for column in block.data]
            stream.write(block)
        payload = Payload()
        with contextlib.closing(payload), payload.holding(lambda file: file.write(native.data)):
            values = ", ".join(f"{name} = {literal(str(value))}" for name, value in {**settings, **payload.settings}.items())
            session.query(f"INSERT INTO {table} ({columns}) SETTINGS {values} {payload.select('Native')}")
        if lose_next_answer.is_set():
            lose_next_answer.clear()
            return False
        return True

    def send_header(self, session: Any, table: str, names: list[str]) -> None:
        described = session.query(f"DESCRIBE TABLE {table}", "TSVRaw").bytes().decode()
        types = dict(line.split("\t")[:2] for line in described.splitlines())
        self.write_header([(name, types[name]) for name in names])

    def write_header(self, columns: list[tuple[str, str]]) -> None:
        """A block of no rows: names and types, and nothing of the columns' bodies."""
        write_varint(DATA_ANSWER, self.fout)
        write_binary_str("", self.fout)
        BlockInfo().write(self.fout)
        write_varint(len(columns), self.fout)
        write_varint(0, self.fout)
        for name, kind in columns:
            write_binary_str(name, self.fout)
            write_binary_str(kind, self.fout)
        self.fout.flush()

    def answer(self, session: Any, sql: str) -> None:
        native = session.query(sql, "Native").bytes()
        stream = BlockInputStream(BufferedSocketReader(Bytes(native), BUFFER), context(0))
        header = False
        if not native and re.match(r"\s*(SELECT|WITH)\b", sql, re.IGNORECASE):
            described = session.query(f"DESCRIBE TABLE ({sql})", "TSVRaw").bytes().decode()
            self.write_header([tuple(line.split("\t")[:2]) for line in described.splitlines()])
        with contextlib.suppress(EOFError):
            while True:
                block = stream.read()
                if not header:
                    self.write_header(block.columns_with_types)
                    header = True
                if not block.data:
                    continue
                write_varint(DATA_ANSWER, self.fout)
                write_binary_str("", self.fout)
                block = ColumnOrientedBlock(block.columns_with_types, [list(column) for column in block.data])
                self.blocks_out.write(block)

    def read_block(self) -> Any:
        if read_varint(self.fin) != DATA:
            raise EOFError("a block was expected")
        read_binary_str(self.fin)
        return self.blocks_in.read()

    def fail(self, code: int, text: str) -> None:
        write_varint(EXCEPTION, self.fout)
        write_binary_int32(code, self.fout)
        for part in ("DB::Exception", text, ""):
            write_binary_str(part, self.fout)
        write_binary_uint8(0, self.fout)
        self.fout.flush()


def main(directory: str, port: str, password: str = "", listen: str = "127.0.0.1") -> None:
    keep = Session(directory)  # while it is open the engine stays up between queries
    signal.signal(signal.SIGUSR1, lambda *_: lose_next_answer.set())
    with socket.create_server((listen, int(port))) as server:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer is several small packets
            threading.Thread(target=Client(connection, directory, password).serve, daemon=True).start()
    keep.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
