"""Creating and upgrading the tables."""

from __future__ import annotations

import re
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from schemas.errors import WeirError
from schemas.records.cluster import NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from schemas.records.ip_event import IpEvent
from schemas.records.tables import BlockIdentity
from schemas.topics import FLOWS_TOPIC
from sinks import migrate
from sinks.base import Sink
from sinks.engines.base import Engine
from sinks.open import open_sink
from streams.outputs.event_tables import Event, tables_of
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.writer import nth_block
from tests.support.clickhouse import EngineHost


def test_twice_does_nothing(sink: Sink) -> None:
    assert sink.pending() == ()
    assert sink.migrate() == ()


def test_a_new_directory_has_everything_pending(host: EngineHost) -> None:
    host.drop_database()
    sink = open_sink(host.url)
    names = tuple(m.name for m in migrate.known())
    assert sink.pending() == names
    assert sink.migrate() == names
    assert sink.pending() == ()
    sink.close()


def test_two_at_once(host: EngineHost) -> None:
    host.drop_database()
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            sink = open_sink(host.url)
            start.wait(10)
            sink.migrate()
            assert sink.pending() == ()
            sink.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_step_cut_short_is_taken_again(sink: Sink) -> None:
    """Every statement may run twice: the same as a crash between a statement and the note that it was done."""
    engine = engine_of(sink)
    engine.execute("TRUNCATE TABLE weir.migrations")
    assert sink.migrate() == tuple(m.name for m in migrate.known())
    assert sink.pending() == ()


SHAPES = "SELECT name, create_table_query FROM system.tables WHERE database = 'weir' ORDER BY name"
SYNCED = ("fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge", "min_compressed_bytes_to_fsync_after_merge")
OLD_LEDGER = """CREATE TABLE weir.migrations (name String, applied_at DateTime('UTC') DEFAULT now())
ENGINE = ReplacingMergeTree(applied_at) ORDER BY name"""


def test_any_step_may_be_taken_again_over_later_ones_and_over_rows(chdb_sink: Sink) -> None:
    """A ledger that lost some row: neither a table, nor a view, nor a row changes."""
    engine = engine_of(chdb_sink)
    chdb_sink.write(replace(nth_block(2), nodes=make.nodes([("n1", "eu-1a", "1.2", 0, 10)])))
    told: list[Event] = [
        IpEvent("default", make.address("10.0.0.9"), "w", True, make.NINE),
        ServiceAddress("default", make.address("10.96.0.1"), 6, 80, "shop/web", ("shop/web",), make.NINE, "w1"),
        WatcherWatermark("default", "w1", make.NINE, make.NINE + make.SECOND),
        WorkloadState("default", "shop/web", "Deployment", "shop", {"team": "a"}, True, make.NINE),
        NodeLabels("default", "n1", "eu", "eu-1a", {"pool": "a"}, make.NINE),
    ]
    for table, rows in tables_of(told):
        chdb_sink.write_set(table, rows)
    engine.execute("INSERT INTO weir.findings (id, kind, first_seen, last_seen, version) VALUES ('a', 'scan', now64(6), now64(6), 1)")
    shapes = engine.query(SHAPES).to_pylist()
    names = [row["name"] for row in shapes if row["name"] != "migrations" and not row["name"].endswith("_feed")]
    sums = " UNION ALL ".join(f"SELECT '{name}' AS name, count() AS n, sum(cityHash64(*)) AS hash FROM weir.{name}" for name in names)  # noqa: S608
    content = f"SELECT * FROM ({sums}) ORDER BY name"  # noqa: S608
    before = engine.query(content).to_pylist()
    assert {row["name"] for row in before if row["n"]} == set(names) - {"recomputations"}
    for migration in migrate.known():
        engine.execute(f"ALTER TABLE weir.migrations DELETE WHERE name = '{migration.name}' SETTINGS mutations_sync = 2")
        assert chdb_sink.migrate() == (migration.name,)
        assert engine.query(SHAPES).to_pylist() == shapes, migration.name
    assert engine.query(content).to_pylist() == before


def test_every_table_is_synced_whichever_version_made_it(host: EngineHost) -> None:
    host.drop_database()
    with closing(open_sink(host.url)) as sink:
        engine = engine_of(sink)
        engine.execute("CREATE DATABASE weir")
        engine.execute(OLD_LEDGER)
        migrate.migrate(engine, tuple(m for m in migrate.known() if m.name < "0011"))
        assert sink.migrate()[0] == "0011_durable_merges"
        tables = [row for row in engine.query(SHAPES).to_pylist() if "MergeTree" in row["create_table_query"]]
        assert len(tables) > len(SYNCED)
        for table in tables:
            assert [name for name in SYNCED if f"{name} = 1" not in table["create_table_query"]] == [], table["name"]


def test_an_older_table_is_merged_as_seldom_as_a_new_one(host: EngineHost) -> None:
    host.drop_database()
    with closing(open_sink(host.url)) as sink:
        engine = engine_of(sink)
        older = [replace(m, sql=m.sql.replace("_base = 24", "_base = 12")) for m in migrate.known() if m.name < "0012"]
        migrate.migrate(engine, tuple(older))
        assert set(_merge_bases(engine)) == {"12"}
        assert "0013_fewer_merges" in sink.migrate()
        assert _merge_bases(engine) == ["24"] * 7


def _merge_bases(engine: Engine) -> list[str]:
    """Of the tables that have one."""
    return [
        found for row in engine.query(SHAPES).to_pylist() for found in re.findall(r"merge_selector_base = (\d+)", row["create_table_query"])
    ]


def test_a_newer_weir_was_here(sink: Sink) -> None:
    engine_of(sink).execute("INSERT INTO weir.migrations (name) VALUES ('9999_from_tomorrow')")
    for call in (sink.pending, sink.migrate):
        with pytest.raises(WeirError, match="9999_from_tomorrow.*upgrade weir"):
            call()


def test_a_later_step_is_applied_alone(sink: Sink) -> None:
    later = migrate.Migration(
        "9000_later", "-- one; more\nCREATE TABLE IF NOT EXISTS weir.later (a UInt8) ENGINE = MergeTree ORDER BY a;\n"
    )
    engine = engine_of(sink)
    steps = (*migrate.known(), later)
    assert migrate.pending(engine, steps) == ("9000_later",)
    assert migrate.migrate(engine, steps) == ("9000_later",)
    assert migrate.pending(engine, steps) == ()


@pytest.mark.parametrize(
    ("setting", "also", "is_set"),
    [
        ("merge_selector_base", "", True),
        ("no_such_setting", "", False),
        ("merge_selector_base", " with 5", True),
        ("merge_selector_base", " with some_value", False),
    ],
)
def test_a_setting_that_the_server_does_not_know_is_left_out(host: EngineHost, setting: str, also: str, is_set: bool) -> None:
    host.drop_database()
    sink = open_sink(host.url)
    engine = engine_of(sink)
    sql = f"-- Where the server knows the setting {setting}{also}: less to do.\nALTER TABLE weir.flows MODIFY SETTING {setting} = 7;\n"
    steps = (*migrate.known(), migrate.Migration("9000_later", sql))
    assert migrate.migrate(engine, steps)[-1] == "9000_later"
    assert migrate.pending(engine, steps) == ()
    tables = engine.query("SELECT create_table_query AS sql FROM system.tables WHERE database = 'weir' AND name = 'flows'").to_pylist()
    assert (f"{setting} = 7" in tables[0]["sql"]) is is_set
    sink.close()


def test_rows_from_before_topics_are_of_weir_flows(host: EngineHost) -> None:
    host.drop_database()
    sink = open_sink(host.url)
    engine = engine_of(sink)
    migrate.migrate(engine, tuple(m for m in migrate.known() if m.name < "0004"))
    engine.execute("INSERT INTO weir.flows (node_id, window_start, first_offset) VALUES ('n1', 1767258000, 7)")
    assert sink.migrate()[0] == "0004_topics"
    assert sink.query("SELECT topic, first_offset FROM weir.flows").to_pylist() == [{"topic": "weir.flows", "first_offset": 7}]
    assert sink.applied_flows(FLOWS_TOPIC, 0, None, 1).num_rows == 1
    assert sink.applied_flows(FLOWS_TOPIC, 0, BlockIdentity(FLOWS_TOPIC, 0, 5, 9), 1).num_rows == 0  # of an unknown block: as before blocks
    sink.close()


def test_statements_do_nothing_the_second_time() -> None:
    for migration in migrate.known():
        assert bool(migration.statements) is (migration.work is None)
        for statement in migration.statements:
            assert any(words in statement for words in ("IF NOT EXISTS", "IF EXISTS", "OR REPLACE", "MODIFY SETTING", "MODIFY QUERY")), (
                statement
            )


def test_tables_that_are_missing_are_named_with_the_way_out(host: EngineHost) -> None:
    host.drop_database()
    sink = open_sink(host.url)
    with pytest.raises(WeirError, match="weir migrate"):
        sink.query("SELECT count() FROM weir.flows")
    sink.close()
