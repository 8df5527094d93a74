"""One process holds a data directory; others ask it."""

from __future__ import annotations

import os
import socket
import stat
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path

import pytest

from schemas.errors import SettingError, Unavailable, WeirError
from sinks import open as opening
from sinks.engines.directory import DirectoryLock, Held
from sinks.engines.query_client import NobodyAnswers, SocketEngine
from sinks.engines.query_protocol import MAX_SQL_BYTES, SOCKET_NAME
from sinks.open import open_engine, open_sink
from tests.sinks import blocks as make
from tests.support.processes import Child

ASK = """
import sys
from schemas.errors import WeirError
from sinks.open import open_sink
try:
    sink = open_sink(sys.argv[1], read_only=True)
    print(sink.query(sys.argv[2]).to_pylist())
    sink.close()
except WeirError as error:
    print(type(error).__name__, error)
"""
HOLD = """
import signal
import sys
from sinks.open import open_sink
sink = open_sink(sys.argv[1])
sink.migrate()
print("held", flush=True)
signal.pause()
"""


def run(code: str, *arguments: str) -> Child:
    return Child([sys.executable, "-c", textwrap.dedent(code), *arguments], name="another process")


def ask(url: str, sql: str) -> str:
    with run(ASK, url, sql) as child:
        child.wait(60)
        return child.stdout.strip()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Longer than the path of a socket may be."""
    return tmp_path / ("d" * 120) / "data"


def test_others_ask_while_one_holds_it(directory: Path) -> None:
    url = f"chdb://{directory}"
    sink = open_sink(url)
    sink.migrate()
    sink.write(make.block(make.identity(), make.flows(make.Shape(rows=23))))
    assert ask(url, "SELECT count() AS n FROM flows") == "[{'n': 23}]"
    assert "2026" in ask(url, "SELECT max(window_start) AS w FROM flows")
    assert "::ffff:10." in ask(url, "SELECT min(local_ip) AS a FROM flows WHERE toString(local_ip) LIKE '::ffff:10%'")
    assert ask(url, "SELECT count() FROM nowhere").startswith("WeirError")
    assert "only answers questions" in ask(url, "DROP TABLE flows")
    assert stat.S_IMODE(os.stat(directory / SOCKET_NAME).st_mode) == 0o600
    sink.close()
    assert not (directory / SOCKET_NAME).exists()
    assert ask(url, "SELECT count() AS n FROM flows") == "[{'n': 23}]"


def test_a_second_owner_is_told_who_the_first_is(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "HELD_SECONDS", 0.2)
    with run(HOLD, f"chdb://{directory}") as child:
        child.line("held")
        with pytest.raises(Held, match=rf"{directory} is held by process \d+"):
            open_sink(f"chdb://{directory}")
        child.kill()
    sink = open_sink(f"chdb://{directory}", read_only=True)  # the dead one's socket is still there
    assert sink.pending() == ()
    sink.close()


def test_a_socket_that_nobody_serves(directory: Path) -> None:
    directory.mkdir(parents=True)
    with pytest.raises(NobodyAnswers):
        SocketEngine(directory)


def test_a_directory_that_does_not_exist(directory: Path) -> None:
    with pytest.raises(WeirError, match="does not exist: start"):
        open_sink(f"chdb://{directory}", read_only=True)


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="cannot be used"):
        open_sink(f"chdb://{tmp_path / 'file' / 'data'}")


def test_an_asker_cannot_write(directory: Path) -> None:
    sink = open_sink(f"chdb://{directory}")
    sink.migrate()
    engine = SocketEngine(directory)
    with pytest.raises(WeirError, match="only answers"):
        engine.execute("SELECT 1")
    with pytest.raises(WeirError, match="only answers"):
        engine.insert("weir.losses", make.losses(1), {})
    engine.close()
    sink.close()


def test_clients_that_misbehave_harm_nobody(directory: Path) -> None:
    sink = open_sink(f"chdb://{directory}")
    for sent in (b"", b"\xff\xfe", b"SELECT 1", b"x" * (MAX_SQL_BYTES + 10)):
        with raw_client(directory) as client:
            try:
                client.sendall(sent)
            except BrokenPipeError:
                continue  # dropped for its length
    silent = [raw_client(directory) for _ in range(3)]
    assert SocketEngine(directory).query("SELECT 1 AS one").column("one").to_pylist() == [1]
    for client in silent:
        client.close()
    sink.close()


def test_many_ask_at_once(directory: Path) -> None:
    sink = open_sink(f"chdb://{directory}")
    answers: list[object] = []

    def work() -> None:
        try:
            answers.append(SocketEngine(directory).query("SELECT sum(number) AS n FROM numbers(1000)").column("n")[0].as_py())
        except Unavailable as error:
            answers.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [499_500] * 6
    sink.close()


def test_a_closed_engine_says_so_to_all_who_ask(directory: Path) -> None:
    engine = open_engine(f"chdb://{directory}")
    engine.close()
    for ask in (engine.query, partial(engine.query, guarded=True), engine.ask):
        with pytest.raises(WeirError, match="has been closed"):
            ask("SELECT 1")


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(Held, match=f"process {os.getpid()}"):
        DirectoryLock(tmp_path)
    lock.release()
    DirectoryLock(tmp_path).release()


def raw_client(directory: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor = os.open(directory, os.O_RDONLY)
    client.connect(f"/proc/self/fd/{descriptor}/{SOCKET_NAME}")
    os.close(descriptor)
    return client
