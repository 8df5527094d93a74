# ruff: noqa: S608 (every name in these statements stands in this file)
"""Statements that weir composed: without the guard, under the console's limits, beside those of people."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import Unavailable, WeirError
from sinks.engines import chdb, driver
from sinks.engines.base import Engine, Settings
from sinks.engines.composed import check_composed
from sinks.engines.errors import TooLarge, TooLong
from sinks.engines.limits import CONSOLE_LIMITS
from sinks.engines.query_client import SocketEngine
from sinks.engines.query_server import MAX_CLIENTS, QueryServer
from sinks.engines.quoting import quoted
from sinks.engines.result import readable
from sinks.open import open_engine
from tests.support.clickhouse import EngineHost
from tests.support.processes import ROOT

ROWS = 1_500
CONSOLE_SQL = ROOT / "infra/clickhouse/console.sql"
SMALL = {**CONSOLE_LIMITS, "max_execution_time": 1, "max_rows_to_group_by": 100, "max_result_rows": 1_000, "max_memory_usage": 60_000_000}
CROSSED = "weir.flows AS a CROSS JOIN weir.flows AS b CROSS JOIN weir.flows AS c"
NOT_COMPOSED = (
    "SELECT 1; SELECT 2",
    "DROP TABLE weir.flows",
    "INSERT INTO weir.flows SELECT 1",
    "SELECT 1 INTO OUTFILE 'x'",
    "SELECT 1 FORMAT CSV",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT file('/etc/hostname')",
    "SELECT * FROM system.users",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT * FROM weir.flows, url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT * FROM weir.flows AS a, url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT * FROM weir.flows a, url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT * FROM weir.flows AS a JOIN url('http://127.0.0.1/', 'CSV', 'a Int8') AS b ON 1",
    "SELECT * FROM (SELECT 1 FROM weir.flows), url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT * FROM (SELECT 1) AS x, url('http://127.0.0.1/', 'CSV', 'a Int8')",
    "SELECT '' -- '",
    "SELECT '' /* ' */ FROM weir.flows",
    'SELECT "a" FROM weir.flows',
    "SELECT 'a' # b",
)


@pytest.mark.parametrize("sql", NOT_COMPOSED)
def test_what_weir_does_not_write_is_refused(sql: str) -> None:
    with pytest.raises(WeirError):
        check_composed(sql)


def test_words_within_texts_are_no_words_of_the_statement() -> None:
    check_composed(
        "SELECT a, 'x; INTO OUTFILE -- \\' file(' FROM (SELECT 1 AS a, 2 FROM weir.flows AS f WHERE f.role IN ('a', 'b')) WHERE a > 0.5"
    )


@pytest.fixture(scope="module")
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chdb, "CONSOLE", {**chdb.CONSOLE, **SMALL})
        patch.setattr(driver, "CONSOLE_LIMITS", SMALL)
        yield


@pytest.fixture(scope="module")
def holder(small_limits: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory that this process holds, and answers about."""
    directory = tmp_path_factory.mktemp("composed") / "data"
    engine = open_engine(f"chdb://{directory}")
    fill(engine)
    yield directory
    engine.close()


@pytest.fixture(scope="module", params=["socket", "driver"])
def engine(request: pytest.FixtureRequest, small_limits: None) -> Iterator[Engine]:
    """Over the same rows, with small limits."""
    if request.param == "socket":
        yield SocketEngine(request.getfixturevalue("holder"))
        return
    host: EngineHost = request.getfixturevalue("host")
    host.drop_database()
    opened = open_engine(host.url)
    fill(opened)
    yield opened
    opened.close()


def fill(engine: Engine) -> None:
    """As much of weir's tables as these statements need."""
    engine.execute("CREATE DATABASE weir")
    engine.execute("CREATE TABLE weir.flows (network LowCardinality(String), bytes_sent UInt64) ENGINE = MergeTree ORDER BY tuple()")
    engine.execute(f"INSERT INTO weir.flows SELECT 'default', number FROM numbers({ROWS})")


def test_it_answers_with_the_marks_of_types(engine: Engine) -> None:
    for seconds in (60, 3_600):
        found = engine.ask(f"SELECT toDateTime({seconds}, 'UTC') AS at, any(network) AS name, count() AS n FROM weir.flows")
        assert readable(found).to_pylist() == [{"at": datetime.fromtimestamp(seconds, UTC), "name": "default", "n": ROWS}]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (f"SELECT sum(cityHash64(a.bytes_sent, b.bytes_sent, c.bytes_sent)) AS n FROM {CROSSED}", TooLong),
        ("SELECT bytes_sent FROM weir.flows", TooLarge),
        ("SELECT bytes_sent, count() AS n FROM weir.flows GROUP BY bytes_sent LIMIT 1", TooLarge),
        ("SELECT length(groupArray((a.bytes_sent, b.bytes_sent))) AS n FROM weir.flows AS a CROSS JOIN weir.flows AS b", TooLarge),
    ],
)
def test_a_limit_throws_as_what_it_is(engine: Engine, sql: str, error: type[WeirError]) -> None:
    with pytest.raises(WeirError) as caught:
        engine.ask(sql)
    assert type(caught.value) is error and "\n" not in str(caught.value), caught.value
    assert engine.ask("SELECT count() AS n FROM weir.flows").to_pylist() == [{"n": ROWS}]


def test_it_cannot_write(engine: Engine) -> None:
    with pytest.raises(WeirError):
        engine.ask("SELECT 1; DROP TABLE weir.flows")
    with pytest.raises(WeirError):
        engine.query("\0composed\0SELECT file('/etc/hostname')", guarded=True)


def test_the_user_that_a_server_is_given_has_the_limits_that_weir_sends(engine: Engine) -> None:
    """No engine of the tests has users of its own: each statement is read by the engine's parser, and the profile held against weir's."""
    text = "\n".join(line for line in CONSOLE_SQL.read_text().splitlines() if not line.startswith("--"))
    statements = [part.strip() for part in text.split(";\n") if part.strip()]
    for statement in statements:
        assert engine.query(f"SELECT formatQuerySingleLine({quoted(statement)}) AS x", guarded=True).num_rows == 1
    values = {name: value.strip("'") for name, value in re.findall(r"(\w+) = ('\w+'|\d+)", statements[0])}
    assert {name: str(value) for name, value in CONSOLE_LIMITS.items()}.items() <= values.items()
    assert not any(word in text for word in ("system.", "SOURCES TO", "ON *.* TO"))


class Waiting:
    """An engine whose answers wait, people's or the console's, until they may go."""

    name = "an engine that waits"

    def __init__(self, slow: str) -> None:
        self._slow, self.go = slow, threading.Event()
        self.waiting = threading.Semaphore(0)

    def execute(self, sql: str) -> None:
        raise NotImplementedError

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        raise NotImplementedError

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        return self._answer("people")

    def ask(self, sql: str) -> pa.Table:
        return self._answer("console")

    def _answer(self, by: str) -> pa.Table:
        if by == self._slow:
            self.waiting.release()
            assert self.go.wait(60)
        return pa.table({"by": [by]})

    def close(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(("slow", "quick"), [("console", "people"), ("people", "console")])
def test_neither_takes_the_others_place(tmp_path: Path, slow: str, quick: str) -> None:
    engine = Waiting("none")
    server = QueryServer(tmp_path, engine)
    asker = SocketEngine(tmp_path)
    engine._slow = slow
    ask = {"console": lambda: asker.ask("SELECT 1"), "people": lambda: asker.query("SELECT 1")}
    with ThreadPoolExecutor(3 * MAX_CLIENTS) as pool:
        held = [pool.submit(ask[slow]) for _ in range(2 * MAX_CLIENTS)]
        for _ in range(MAX_CLIENTS):
            assert engine.waiting.acquire(timeout=60)
        assert ask[quick]().to_pylist() == [{"by": quick}]
        engine.go.set()
        answers = [one.exception() or one.result().to_pylist() for one in held]
        assert all(one == [{"by": slow}] or isinstance(one, Unavailable) for one in answers)
        assert answers.count([{"by": slow}]) >= MAX_CLIENTS
    server.close()
