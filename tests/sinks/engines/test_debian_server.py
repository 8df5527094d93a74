"""clickhouse-driver against a real server. It is of 2018: what weir's own tables need is not there, so the table is the test's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import Unavailable, WeirError
from sinks.clickhouse import ClickHouseSink
from sinks.engines.driver import DriverEngine
from sinks.engines.url import Server
from tests.support.clickhouse import DebianServer

TABLE = "default.numbers_of_a_test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianServer]:
    with DebianServer(tmp_path_factory.mktemp("debian"), password="hidden-word") as running:  # noqa: S106
        yield running


@pytest.fixture
def engine(server: DebianServer) -> Iterator[DriverEngine]:
    opened = DriverEngine(address(server), answer_seconds=2)
    opened.execute(f"DROP TABLE IF EXISTS {TABLE}")
    opened.execute(f"CREATE TABLE {TABLE} (number UInt64, name String, at DateTime) ENGINE = MergeTree ORDER BY number")
    yield opened
    opened.close()


def address(server: DebianServer, password: str | None = None) -> Server:
    return Server("127.0.0.1", server.port, "default", server.password if password is None else password, secure=False, verify=True)


def rows(count: int = 23) -> pa.Table:
    numbers = pa.array(range(2**63, 2**63 + count), pa.uint64())
    names = pa.array(["it's", "a\\b", "ü"] * count).slice(0, count).dictionary_encode()
    return pa.table({"number": numbers, "name": names, "at": pa.array([1_767_258_000_000_000] * count, pa.timestamp("us", tz="UTC"))})


def count(engine: DriverEngine) -> int:
    return int(engine.query(f"SELECT count() AS n FROM {TABLE}").column("n")[0].as_py())  # noqa: S608


def test_a_block_goes_in_and_comes_out(engine: DriverEngine) -> None:
    engine.insert(TABLE, rows(), {"max_insert_block_size": 1 << 40})
    back = engine.query(f"SELECT number, name, toUnixTimestamp(at) AS at FROM {TABLE} ORDER BY number")  # noqa: S608
    assert back.column("number").to_pylist() == list(range(2**63, 2**63 + 23))
    assert back.column("name").to_pylist() == rows().column("name").to_pylist()
    assert set(back.column("at").to_pylist()) == {1_767_258_000}


def test_killed_and_restarted_in_the_middle(server: DebianServer, engine: DriverEngine) -> None:
    engine.insert(TABLE, rows(), {})
    server.kill()
    with pytest.raises(Unavailable, match="does not answer"):
        engine.insert(TABLE, rows(), {})
    server.start()
    engine.insert(TABLE, rows(), {})
    assert count(engine) == 46


def test_a_server_that_hangs_is_unavailable(server: DebianServer, engine: DriverEngine) -> None:
    engine.insert(TABLE, rows(), {})
    server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            engine.query(f"SELECT count() FROM {TABLE}")  # noqa: S608
    finally:
        server.signal(signal.SIGCONT)
    assert count(engine) == 23


def test_a_refused_block_leaves_the_connection_fit(engine: DriverEngine) -> None:
    with pytest.raises(WeirError, match="no column nothing"):
        engine.insert(TABLE, rows().rename_columns(["nothing", "name", "at"]), {})
    with pytest.raises(WeirError, match="code 60"):
        engine.query("SELECT * FROM nowhere")
    engine.insert(TABLE, rows(), {})
    assert count(engine) == 23


def test_a_wrong_password_is_named_and_not_repeated(server: DebianServer) -> None:
    engine = DriverEngine(address(server, "another-word"))
    with pytest.raises(WeirError, match="WEIR_CLICKHOUSE_URL") as caught:
        engine.query("SELECT 1")
    assert not isinstance(caught.value, Unavailable)
    assert "another-word" not in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_a_server_too_old_is_told_so(engine: DriverEngine) -> None:
    with pytest.raises(WeirError, match=r"has version 18\.16.*needs 25\.3 or newer"):
        ClickHouseSink(engine).migrate()


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(AssertionError, match="make setup-test"):
        DebianServer(tmp_path).argv()


@pytest.mark.parametrize("user", ["default", "strict", "lenient"])
def test_settings_go_with_a_question_as_far_as_the_users_profile_lets_them(server: DebianServer, user: str) -> None:
    engine = DriverEngine(Server("127.0.0.1", server.port, user, server.password, secure=False, verify=True))
    with pytest.raises(WeirError, match="is too old to check a statement"):  # and not: cannot modify a setting in readonly mode
        engine.query("SELECT 1", guarded=True)
    engine.close()


@pytest.mark.parametrize("user", ["strict", "lenient"])
def test_the_user_that_reads_cannot_write(server: DebianServer, engine: DriverEngine, user: str) -> None:
    engine.insert(TABLE, rows(), {})
    reader = DriverEngine(Server("127.0.0.1", server.port, user, server.password, secure=False, verify=True))
    assert count(reader) == 23
    with pytest.raises(WeirError, match="only answers questions here"):
        reader.execute(f"DROP TABLE {TABLE}")
    reader.close()
