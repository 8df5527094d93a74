"""What every sink must do, run against chDB in this process and against clickhouse-driver with the same engine in another."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import WeirError
from schemas.records.tables import FLOWS, SAMPLES, Block
from sinks.base import Sink
from sinks.migrate import known
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import COARSE, assert_rollups_follow, totals

DAY_US = 86_400 * make.SECOND


def test_a_block_lands_in_every_table(sink: Sink) -> None:
    sink.write(whole(0))
    assert counts(sink) == {"flows": 103, "losses": 3, "batches": 2, "ownership": 1}
    assert_rollups_follow(sink)


def test_values_come_back_as_they_were_written(sink: Sink) -> None:
    written = make.flows(make.Shape(rows=50))
    sink.write(make.block(make.identity(), written))
    back = sink.query("SELECT * EXCEPT written_at FROM weir.flows ORDER BY bytes_sent, bytes_received")
    expected = written.sort_by([("bytes_sent", "ascending"), ("bytes_received", "ascending")])
    for name in FLOWS.names:
        assert plain(back.column(name)) == plain(expected.column(name)), name


def test_addresses_that_end_in_zero_bytes_survive(sink: Sink) -> None:
    texts = ("10.0.0.0", "0.0.0.0", "fd00::", "::", "::1")  # noqa: S104
    sink.write(make.block(make.identity(), None, None, make.ownership([(text, "w", 0, 10) for text in texts])))
    back = sink.query("SELECT toString(ip) AS text, ip FROM ownership ORDER BY text").to_pydict()
    assert back["text"] == back["ip"] == sorted(["::ffff:10.0.0.0", "::ffff:0.0.0.0", "fd00::", "::", "::1"])


def test_counters_up_to_the_limit_are_exact(sink: Sink) -> None:
    rows = make.flows(make.Shape(rows=1))
    top = rows.set_column(rows.column_names.index("bytes_sent"), "bytes_sent", pa.array([2**63 - 1], pa.uint64()))
    sink.write(make.block(make.identity(), top))
    assert totals(sink, "flows_1h")["bytes_sent"] == totals(sink, "flows")["bytes_sent"] == 2**63 - 1


def test_a_block_written_again_changes_nothing(sink: Sink) -> None:
    for offset in (0, 10, 0, 10, 20, 0):
        sink.write(whole(offset))
    assert counts(sink) == {"flows": 309, "losses": 9, "batches": 6, "ownership": 1}
    assert_rollups_follow(sink)


def test_two_blocks_of_equal_rows_are_two_blocks(sink: Sink) -> None:
    rows = make.flows()
    sink.write(make.block(make.identity(0, partition=0), rows))
    sink.write(make.block(make.identity(0, partition=1), rows))
    sink.write(make.block(make.identity(10, partition=0), rows))
    assert counts(sink)["flows"] == 300
    assert_rollups_follow(sink)


def test_a_block_over_many_table_partitions_is_recognised(sink: Sink) -> None:
    shape = make.Shape(rows=200, windows=40, step_seconds=86_400 // 2)
    for offset in (0, 0, 10, 0, 10):
        sink.write(make.block(make.identity(offset), make.flows(shape, first_offset=offset)))
    assert counts(sink)["flows"] == 400
    assert_rollups_follow(sink)


def test_a_large_block_stays_one_block(chdb_sink: Sink) -> None:
    """Beyond every default at which an INSERT is cut into several blocks."""
    rows = pa.concat_tables([make.flows(make.Shape(rows=2_000))] * 530)
    for _ in range(2):
        chdb_sink.write(make.block(make.identity(), rows))
    assert counts(chdb_sink)["flows"] == 1_060_000
    largest = chdb_sink.query("SELECT max(rows) AS n FROM system.parts WHERE database = 'weir' AND table = 'flows' AND level = 0")
    assert largest.column("n").to_pylist() == [1_060_000]
    raw = totals(chdb_sink, "flows")
    assert {table: totals(chdb_sink, table) for table in COARSE} == dict.fromkeys(COARSE, raw)


def test_an_empty_block_is_nothing(sink: Sink) -> None:
    sink.write(make.block(make.identity()))
    assert counts(sink) == {"flows": 0, "losses": 0, "batches": 0, "ownership": 0}


def test_several_threads_may_write_and_ask_at_once(sink: Sink) -> None:
    errors: list[BaseException] = []

    def work(partition: int) -> None:
        try:
            for offset in range(0, 40, 10):
                rows = make.flows(make.Shape(rows=20), seed=partition, partition=partition, first_offset=offset)
                sink.write(make.block(make.identity(offset, partition), rows))
                sink.query("SELECT count() FROM flows")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(partition,)) for partition in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    per = sink.query("SELECT partition, count() AS n, uniqExact(first_offset) AS offsets FROM flows GROUP BY partition ORDER BY partition")
    assert per.column("n").to_pylist() == [80] * 4
    assert per.column("offsets").to_pylist() == [4] * 4
    assert_rollups_follow(sink)


def test_rollups_keep_their_sums_through_merges(sink: Sink) -> None:
    for offset in range(0, 50, 10):
        sink.write(make.block(make.identity(offset), make.flows(seed=offset, first_offset=offset)))
    before = {table: totals(sink, table) for table in ("flows", "flows_1m", "flows_5m", "flows_1h")}
    for table in before:
        engine_of(sink).execute(f"OPTIMIZE TABLE weir.{table} FINAL")
    assert {table: totals(sink, table) for table in before} == before
    assert_rollups_follow(sink)


def test_rows_of_a_day_long_gone_are_kept(sink: Sink) -> None:
    """The age that ends a row is that of its writing."""
    old = make.Shape(rows=30, start_us=1_000_000_000 * make.SECOND)
    sink.write(make.block(make.identity(), make.flows(old)))
    engine_of(sink).execute("OPTIMIZE TABLE weir.flows FINAL")
    assert counts(sink)["flows"] == 30


@given(pieces=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=12), data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ownership_shows_the_union_however_it_was_learned(chdb_sink: Sink, pieces: list[tuple[int, int]], data: st.DataObject) -> None:
    engine_of(chdb_sink).execute("TRUNCATE TABLE weir.ownership_ranges")
    ranges = [("10.0.0.1", "w", start, start + length) for start, length in pieces]
    learned = data.draw(st.permutations(ranges + ranges[: len(ranges) // 2]))
    for offset in range(0, len(learned), 3):
        rows = make.ownership(learned[offset : offset + 3])
        chdb_sink.write(make.block(make.identity(next(fresh_offset)), None, None, rows))
    shown = chdb_sink.query("SELECT start, `end` FROM ownership ORDER BY start").to_pylist()
    assert [(seconds(row["start"]), seconds(row["end"])) for row in shown] == union(pieces)


def test_ownership_keeps_owners_and_ports_apart(sink: Sink) -> None:
    ranges = [("10.0.0.1", "a", 0, 10), ("10.0.0.1", "b", 10, 20), ("10.0.0.1", "a", 20, 30), ("10.0.0.2", "a", 0, 30)]
    sink.write(make.block(make.identity(0), None, None, make.ownership(ranges)))
    sink.write(make.block(make.identity(10), None, None, make.ownership([("10.0.0.1", "a", 5, 25)], port=53)))
    shown = sink.query("SELECT toString(ip) AS ip, workload, port, start FROM ownership ORDER BY ip, start, port").to_pylist()
    kept = [(row["ip"].removeprefix("::ffff:"), row["workload"], row["port"], seconds(row["start"])) for row in shown]
    assert kept == [
        ("10.0.0.1", "a", 0, 0),
        ("10.0.0.1", "a", 53, 5),
        ("10.0.0.1", "b", 0, 10),
        ("10.0.0.1", "a", 0, 20),
        ("10.0.0.2", "a", 0, 0),
    ]


def test_names_without_a_database_are_weirs(sink: Sink) -> None:
    sink.write(whole(0))
    assert sink.query("SELECT count() AS n FROM flows;").column("n").to_pylist() == [103]


def test_answers_have_the_types_that_people_expect(sink: Sink) -> None:
    sink.write(make.block(make.identity(), make.flows(make.Shape(rows=1, windows=1))))
    columns = "window_start, first_seen, local_ip, local_workload, canonical, bytes_sent, epoch"
    schema = sink.query(f"SELECT {columns}, toIPv4('10.1.2.3') AS four FROM flows").schema  # noqa: S608
    assert schema.field("window_start").type == pa.timestamp("s", tz="UTC")
    assert schema.field("first_seen").type == pa.timestamp("us", tz="UTC")
    assert {schema.field(name).type for name in ("local_ip", "local_workload", "four")} == {pa.string()}
    assert schema.field("canonical").type == pa.bool_()
    assert schema.field("bytes_sent").type == pa.uint64()
    assert sink.query("SELECT toIPv4('10.1.2.3') AS four -- and a remark").column("four").to_pylist() == ["10.1.2.3"]


@pytest.mark.parametrize("sql", ["SELECT * FROM nowhere", "SELECT nothing_like_it FROM flows", "SELEC 1", "", "SELECT 'torn"])
def test_wrong_sql_is_one_sentence(sink: Sink, sql: str) -> None:
    with pytest.raises(WeirError) as caught:
        sink.query(sql)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("sql", ["DROP TABLE flows", "TRUNCATE TABLE flows", "INSERT INTO losses (id) VALUES (1)", "SET readonly = 0"])
def test_a_question_changes_nothing(sink: Sink, sql: str) -> None:
    sink.write(whole(0))
    with pytest.raises(WeirError, match="only answers questions"):
        sink.query(sql)
    assert counts(sink) == {"flows": 103, "losses": 3, "batches": 2, "ownership": 1}


def test_an_answer_beyond_the_limit_is_refused(sink: Sink) -> None:
    with pytest.raises(WeirError, match="more than one answer may hold.*LIMIT"):
        sink.query("SELECT number FROM numbers(5000001)")


def test_columns_and_types_are_the_contracts(sink: Sink) -> None:
    """contract.md names them; what is added stands after them and is listed here."""
    described = sink.query(
        "SELECT name, type FROM system.columns WHERE database = 'weir' AND table = 'flows' ORDER BY position"
    ).to_pydict()
    assert described["name"] == [*FLOWS.names, "block", "written_at"]
    types = dict(zip(described["name"], described["type"], strict=True))
    assert {types[name] for name in ("window_start",)} == {"DateTime('UTC')"}
    assert {types[name] for name in ("first_seen", "last_seen")} == {"DateTime64(6, 'UTC')"}
    assert {types[name] for name in ("local_ip", "remote_ip")} == {"IPv6"}
    assert types["canonical"] == "Bool"
    for field in FLOWS:
        if pa.types.is_dictionary(field.type):
            assert types[field.name] == "LowCardinality(String)", field.name
        elif field.type == SAMPLES:
            assert types[field.name] == "Array(UInt32)", field.name
        elif pa.types.is_integer(field.type):
            assert types[field.name] == re.sub("uint", "UInt", str(field.type)), field.name


def test_every_table_that_takes_blocks_remembers_tokens(sink: Sink) -> None:
    found = sink.query(
        "SELECT name, engine_full FROM system.tables WHERE database = 'weir' AND engine LIKE '%MergeTree' AND name NOT IN"
        " ('migrations', 'recomputations', 'findings', 'ip_events', 'service_statements', 'watcher_watermarks', 'workload_states')"
    )
    assert found.num_rows == 12
    for name, engine in zip(found.column("name").to_pylist(), found.column("engine_full").to_pylist(), strict=True):
        assert "non_replicated_deduplication_window = 100000" in engine, name
        assert "ttl_only_drop_parts = 1" in engine, name


def test_the_sql_files_are_package_data() -> None:
    folder = Path(__file__).resolve().parents[2] / "sinks" / "migrations"
    assert len(list(folder.glob("*.sql"))) == len([step for step in known() if step.sql]) > 3


def whole(offset: int) -> Block:
    """A block with something for every table."""
    return make.block(
        make.identity(offset),
        make.flows(make.Shape(rows=103), seed=offset, first_offset=offset),
        make.losses(3, first_offset=offset),
        make.ownership([("10.0.0.1", "checkout", 0, 10), ("10.0.0.1", "checkout", 10, 20)]),
        make.batches([(0, offset, 0), (10, offset, 0)], first_offset=offset),
    )


def counts(sink: Sink) -> dict[str, int]:
    tables = ("flows", "losses", "batches", "ownership")
    return {table: sink.query(f"SELECT count() AS n FROM weir.{table}").column("n")[0].as_py() for table in tables}  # noqa: S608


def plain(column: pa.ChunkedArray) -> list[object]:
    """Values for comparison: addresses as text, instants in microseconds."""
    if pa.types.is_fixed_size_binary(column.type):
        return [make.text(raw) for raw in column.to_pylist()]
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist())
    return list(column.to_pylist())


def seconds(instant: object) -> int:
    return int(np.datetime64(instant.replace(tzinfo=None), "s").astype(np.int64)) - make.NINE // make.SECOND  # type: ignore[attr-defined]


def union(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The slow, obvious way: instant by instant."""
    covered = sorted({instant for start, length in pieces for instant in range(start, start + length)})
    starts = [i for i in covered if i - 1 not in covered]
    ends = [i + 1 for i in covered if i + 1 not in covered]
    return list(zip(starts, ends, strict=True))


def _offsets():  # type: ignore[no-untyped-def]
    offset = 0
    while True:
        yield offset
        offset += 10


fresh_offset = _offsets()
