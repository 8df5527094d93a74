"""ClickHouse for tests, in processes (or containers, where those are wanted) that can be killed apart from their clients, on loopback
ports that outlive a kill.
"""

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

from clickhouse_driver import Client, errors

from tests.support.containers import CLIENTS, LISTEN, Contained, launch, listens_on
from tests.support.processes import Child

START_SECONDS = 30

CONFIG = """<?xml version="1.0"?>
<yandex>
    <logger><level>warning</level><console>1</console></logger>
    <tcp_port>{port}</tcp_port>
    <listen_host>{listen}</listen_host>
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
    <profiles>
        <default></default><strict><readonly>1</readonly></strict><lenient><readonly>2</readonly></lenient>
    </profiles>
    <quotas><default></default></quotas>
    <users>{users}</users>
</yandex>
"""

USER = """<{profile}>
    <password>{password}</password><networks><ip>{clients}</ip></networks><profile>{profile}</profile><quota>default</quota>
</{profile}>"""
PROFILES = ("default", "strict", "lenient")
"""Each has a user of its name: who may do everything; only read; only read, and change settings."""


class _Server:
    """A child on a fixed port. `start` after `kill` finds the same port and the same data."""

    title = ""

    def __init__(self, directory: Path, password: str = "", host: str = "127.0.0.1") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.directory = directory
        self.password = password
        self.port = _free_port()
        self._child: Child | Contained | None = None

    @property
    def url(self) -> str:
        return f"clickhouse://default:{quote(self.password, safe='')}@{self.host}:{self.port}/weir"

    def argv(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        """Starts it and returns once it answers."""
        self._child = launch(self.argv(), name=self.title, directory=self.directory, port=self.port)
        try:
            self._child.until(self._answers, START_SECONDS, f"an answer on port {self.port}")
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

    def _answers(self) -> bool:
        """A container's port takes connections before its server does."""
        with contextlib.suppress(OSError, EOFError, errors.NetworkError, errors.SocketTimeoutError):
            socket.create_connection((self.host, self.port), 1).close()
            with self.client() as client:
                client.execute("SELECT 1")
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
        where = [str(self.directory), str(self.port), self.password, listens_on(self.host)]
        return [sys.executable, "-m", "tests.support.clickhouse_host", *where]

    def restart_over(self, data: Path) -> None:
        """SIGKILL, and another start over a copy of `data`, which an engine has left; what there was is gone."""
        self.kill()
        shutil.rmtree(self.directory)
        shutil.copytree(data, self.directory, symlinks=True)
        self.start()

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
        (self.directory / "config.xml").write_text(CONFIG.format(listen=LISTEN, port=self.port, directory=self.directory))
        users = "".join(USER.format(profile=name, password=self.password, clients=CLIENTS) for name in PROFILES)
        (self.directory / "users.xml").write_text(USERS.format(users=users))
        return [program, f"--config-file={self.directory / 'config.xml'}"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
