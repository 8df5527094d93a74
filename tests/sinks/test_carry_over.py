"""From the tables of 0014 with rows in them to those with edges: sums are exact, wherever it was cut short and whoever writes meanwhile."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import Unavailable, WeirError
from schemas.records.tables import FLOWS, Block
from sinks import carry_over, migrate
from sinks.base import Sink
from sinks.engines.base import Engine, Settings
from sinks.open import open_sink
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.exactly_once.rewrites import SPAN, remove_span
from tests.sinks.oracle import COARSE, EDGES, assert_rollups_follow, newest_part, totals
from tests.support.clickhouse import EngineHost

ADDED = (
    "connections_refused",
    "connections_timed_out",
    "local_zone",
    "remote_zone",
    "remote_region",
    "remote_node_id",
    "remote_service",
    "remote_domain",
    "registrable_domain",
    "rtt_histogram",
    "connect_histogram",
)
BEFORE = tuple(step for step in migrate.known() if step.name < "0015")
IN_PLACE = tuple(step for step in migrate.known() if step.name < carry_over.NAME)
ROWS = 60
SHAPE = make.Shape(rows=ROWS, windows=6, step_seconds=40_003)


def small(number: int) -> Block:
    """Over three days."""
    return make.block(make.identity(10 * number), make.flows(SHAPE, seed=number % 3, first_offset=10 * number))


def old(block: Block) -> Block:
    """As a worker of before writes it."""
    return replace(block, flows=block.flows.select([name for name in FLOWS.names if name not in ADDED]))


class Dying:
    """An engine that dies with its nth statement, before it is done; what carries rows over has some of them in by then."""

    def __init__(self, engine: Engine, nth: int) -> None:
        self._engine, self._left, self.name = engine, nth, engine.name

    def execute(self, sql: str) -> None:
        self._left -= 1
        if self._left < 0:
            if sql.startswith("INSERT INTO weir.edges"):
                self._engine.execute(sql.replace(" SETTINGS", " LIMIT 5 SETTINGS"))
            raise KeyboardInterrupt
        self._engine.execute(sql)

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        return self._engine.query(sql, guarded=guarded)

    def ask(self, sql: str) -> pa.Table:
        raise NotImplementedError

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Sink]:
    """Tables of 0014 with two blocks of before."""
    with closing(open_sink(f"chdb://{tmp_path / 'data'}")) as sink:
        migrate.migrate(engine_of(sink), BEFORE)
        for number in range(2):
            sink.write(old(small(number)))
        yield sink


def assert_exact(sink: Sink, blocks: int) -> None:
    assert totals(sink, "flows")["n"] == blocks * ROWS
    assert_rollups_follow(sink)


def test_killed_at_every_statement_while_older_workers_write(before: Sink) -> None:
    engine, blocks, nth, raw = engine_of(before), 2, 0, 0
    while before.pending():
        nth += 1
        try:
            migrate.migrate(Dying(engine, nth))
        except KeyboardInterrupt:
            before.write(old(small(blocks)))
            blocks += 1
        counted = [before.query(f"SELECT sum(flows) AS n FROM {table}").column("n")[0].as_py() for table in COARSE]  # noqa: S608
        raw = blocks * ROWS
        assert counted == [raw] * 3, f"statement {nth}"
    assert blocks > 15
    for number in range(blocks, blocks + 2):
        before.write(small(number))
    assert_exact(before, blocks + 2)
    lanes = before.query("SELECT uniqExact(lane) AS n, min(lane) AS first FROM edges_1h").to_pylist()
    assert lanes == [{"n": 2, "first": 0}]  # both kinds were there


@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("table", ["flows", *COARSE])
def test_a_block_that_was_cut_short_before_and_comes_again_after(table: str, carried: bool, tmp_path: Path) -> None:
    url = f"chdb://{tmp_path / 'data'}"
    with closing(open_sink(url)) as sink:
        migrate.migrate(engine_of(sink), BEFORE)
        for number in range(2):
            sink.write(old(small(number)))
        lost = newest_part(sink, table)
    shutil.rmtree(lost)
    with closing(open_sink(url)) as sink:
        migrate.migrate(engine_of(sink), migrate.known() if carried else IN_PLACE)
        for _ in range(2):
            sink.write(old(small(1)), maybe_written=True)
        sink.write(small(2))
        sink.write(small(2), maybe_written=True)
        sink.migrate()
        assert_exact(sink, 3)


@pytest.mark.parametrize("table", EDGES)
def test_a_part_of_edges_that_is_lost_beside_carried_rows(table: str, tmp_path: Path) -> None:
    url = f"chdb://{tmp_path / 'data'}"
    with closing(open_sink(url)) as sink:
        migrate.migrate(engine_of(sink), BEFORE)
        sink.write(old(small(0)))
        sink.migrate()
        sink.write(small(3))  # of the same flows
        lost = newest_part(sink, table)
    shutil.rmtree(lost)
    with closing(open_sink(url)) as sink:
        for _ in range(2):
            sink.write(small(3), maybe_written=True)
            assert_exact(sink, 2)


def test_workers_write_while_rows_are_carried_over(host: EngineHost) -> None:
    host.drop_database()
    written: list[int] = []
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        with closing(open_sink(host.url)) as sink:
            while not done.is_set():
                sink.write(old(small(len(written))))
                written.append(len(written))
                if len(written) == 3:
                    ready.set()

    def migrate_too() -> None:
        with closing(open_sink(host.url)) as another, suppress(Unavailable):  # one of the two is told that the other does it
            another.migrate()

    with closing(open_sink(host.url)) as sink:
        migrate.migrate(engine_of(sink), BEFORE)
        writer, twin = threading.Thread(target=work), threading.Thread(target=migrate_too)
        writer.start()
        try:
            assert ready.wait(60)
            twin.start()
            with suppress(Unavailable):
                sink.migrate()
            twin.join()
            sink.migrate()
        finally:
            done.set()
            writer.join()
        assert sink.pending() == ()
        assert not sink.query("EXISTS TABLE carrying_over").column(0)[0].as_py()
        sink.write(small(len(written)))
        assert_exact(sink, len(written) + 1)


def test_what_there_is_to_carry_is_counted(before: Sink) -> None:
    assert before.rows_to_carry() == 0  # the tables are not there yet
    engine = engine_of(before)
    migrate.migrate(engine, IN_PLACE)
    canonical = sum(
        engine.query(f"SELECT count() AS n FROM weir.{table} WHERE canonical").column("n")[0].as_py()  # noqa: S608
        for table in ("flows_5m", "flows_1h", "flows_1h")
    )
    assert before.rows_to_carry() == canonical > 0
    before.migrate()
    assert before.rows_to_carry() == 0
    assert carry_over.said_of(60_000_000) == "60,000,000 rows of before, about 3 minutes"


def test_rows_keep_the_time_of_their_writing(before: Sink) -> None:
    columns = "window_start, protocol, canonical, flows, written_at"
    for table, protocol in (("flows_5m", "icmp"), ("flows_1h", "sctp")):
        row = f"(1700000000, '{protocol}', true, 3, now() - 8640000)"
        engine_of(before).execute(f"INSERT INTO weir.{table} ({columns}) VALUES {row}")  # noqa: S608
    before.migrate()
    for table, protocol in (("edges_5m", "icmp"), ("edges_1h", "sctp"), ("edges_1d", "sctp")):
        found = before.query(f"SELECT flows, now() - written_at > 8000000 AS is_old FROM {table} WHERE protocol = '{protocol}'")  # noqa: S608
        assert found.to_pylist() == [{"flows": 3, "is_old": 1}]


def test_a_span_is_taken_out_of_edges_too_carried_over_or_not(before: Sink) -> None:
    """A day that it is a part of keeps its other hours."""
    engine = engine_of(before)
    migrate.migrate(engine, IN_PLACE)
    before.write(small(2))
    remove_span(before)
    before.migrate()
    assert 0 < int(str(totals(before, "flows")["n"])) < 3 * ROWS
    assert_rollups_follow(before)
    remove_span(before)
    assert_rollups_follow(before)
    assert SPAN.end_us - SPAN.start_us < 86_400 * make.SECOND


class Answering:
    """An engine that answers the question for INSERTs under way."""

    name = "a server"

    def __init__(self, *answers: list[str] | WeirError) -> None:
        self.answers = list(answers)

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        assert "system.processes" in sql
        answer = self.answers.pop(0)
        if isinstance(answer, WeirError):
            raise answer
        return pa.table({"query_id": pa.array(answer, pa.string())})


def test_inserts_that_began_before_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_over, "_ASK_SECONDS", 0)
    engine = Answering(["a", "b"], ["b", "c"], ["c"])
    carry_over._wait_for_inserts(engine)  # type: ignore[arg-type]
    assert engine.answers == []
    monkeypatch.setattr(carry_over, "_WAIT_SECONDS", 0)
    with pytest.raises(Unavailable, match=r"an INSERT under way.*\(a\)"):
        carry_over._wait_for_inserts(Answering(["a"]))  # type: ignore[arg-type]


def test_a_user_that_may_not_see_them_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    carry_over._wait_for_inserts(Answering(WeirError("not allowed")))  # type: ignore[arg-type]
    assert "not allowed" in caplog.text


class WithoutFunctions(Dying):
    def execute(self, sql: str) -> None:
        if "FUNCTION" in sql:
            raise WeirError("refuses the user the right CREATE FUNCTION")
        self._engine.execute(sql)


def test_a_user_that_may_not_create_functions_gets_the_tables(before: Sink, caplog: pytest.LogCaptureFixture) -> None:
    assert carry_over.NAME in migrate.migrate(WithoutFunctions(engine_of(before), 0))
    assert "0020_weir_quantile is left out" in caplog.text and "CREATE FUNCTION" in caplog.text
    assert before.pending() == ()


def test_a_table_that_grew_is_as_a_new_one(before: Sink, host: EngineHost) -> None:
    host.drop_database()
    before.migrate()
    with closing(open_sink(host.url)) as new:
        new.migrate()
        shapes = "SELECT name, create_table_query FROM system.tables WHERE database = 'weir' ORDER BY name"
        assert engine_of(before).query(shapes).to_pylist() == engine_of(new).query(shapes).to_pylist()
