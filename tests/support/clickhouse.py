"""ClickHouse for tests, in processes that can be killed apart from their clients, on ports that outlive a kill."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from clickhouse_driver import Client

from tests.support.processes import Child

START_SECONDS = 30

CONFIG = """<?xml version="1.0"?>
<yandex>
    <logger><level>warning</level><console>1</console></logger>
    <tcp_port>{port}</tcp_port>
    <listen_host>127.0.0.1</listen_host>
    <path>{directory}/data/</path>
    <tmp_path>{directory}/tmp/</tmp_path>
    <user_files_path>{directory}/files/</user_files_path>
    <format_schema_path>{directory}/schemas/</format_schema_path>
    <users_config>{directory}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <mark_cache_size>67108864</mark_cache_size>
    <timezone>UTC</timezone>
</yandex>
"""
USERS = """<?xml version="1.0"?>
<yandex>
    <profiles><default></default></profiles>
    <quotas><default></default></quotas>
    <users><default>
        <password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    </default></users>
</yandex>
"""


class _Server:
    """A child on a fixed port. `start` after `kill` finds the same port and the same data."""

    title = ""

    def __init__(self, directory: Path, password: str = "", host: str = "127.0.0.1") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.directory = directory
        self.password = password
        self.port = _free_port()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"clickhouse://default:{quote(self.password, safe='')}@{self.host}:{self.port}/weir"

    def argv(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Starts the process and returns once its port takes connections."""
        self._child = Child(self.argv(), name=self.title)
        try:
            self._child.until(self._listens, START_SECONDS, f"a listener on port {self.port}")
        except AssertionError:
            self.kill()
            raise

    def client(self) -> Client:
        """A connection of the test's own, past the code under test."""
        return Client(self.host, self.port, user="default", password=self.password)

    def drop_database(self) -> None:
        with self.client() as client:
            client.execute("DROP DATABASE IF EXISTS weir SYNC")

    def signal(self, number: signal.Signals) -> None:
        assert self._child is not None, f"{self.title} is not running"
        self._child.signal(number)

    def kill(self) -> None:
        if self._child is not None:
            self._child.__exit__(None, None, None)
            self._child = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), 1).close()
            return True
        return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


class EngineHost(_Server):
    """Today's engine behind the native protocol: `clickhouse_host`."""

    title = "the engine host"

    def argv(self) -> list[str]:
        return [sys.executable, "-m", "tests.support.clickhouse_host", str(self.directory), str(self.port), self.password, self.host]

    def lose_next_answer(self) -> None:
        """The next INSERT is stored and not answered."""
        self.signal(signal.SIGUSR1)


class DebianServer(_Server):
    """A real server, of 2018: no IPv6, no DateTime64, no tokens."""

    title = "clickhouse-server"

    def argv(self) -> list[str]:
        program = shutil.which("clickhouse-server", path="/usr/sbin:/usr/bin")
        assert program is not None, "clickhouse-server is missing: run `make setup-test`"
        for name in ("data", "tmp", "files", "schemas"):
            (self.directory / name).mkdir(exist_ok=True)
        (self.directory / "config.xml").write_text(CONFIG.format(port=self.port, directory=self.directory))
        (self.directory / "users.xml").write_text(USERS.format(password=self.password))
        return [program, f"--config-file={self.directory / 'config.xml'}"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
