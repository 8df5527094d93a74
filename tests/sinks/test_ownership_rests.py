"""What `ownership` shows of rests, and which of them explain and the rules of events read."""

from __future__ import annotations

import itertools
import random
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import failpoints
from schemas.records.flow_batch import FlowBatch
from sinks import migrate
from sinks.base import Sink
from sinks.open import open_sink
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.test_contract import seconds
from tests.streams.dedup.stories import Shown, Workers, arrivals, renamed, says_no_more, whole_story
from tests.support.clickhouse import EngineHost

IP = "10.0.0.1"
NETWORKS = (f"law{number}" for number in itertools.count())
OFFSETS = itertools.count(1_000_000, 10)
OPEN = make.ownership([(IP, "w", 0, 10)], chain=7)


def write(sink: Sink, *ranges: object, rests: object = None) -> None:
    for rows in ranges:
        sink.write(make.block(make.identity(next(OFFSETS)), None, None, rows))  # type: ignore[arg-type]
    if rests is not None:
        sink.write(make.block(make.identity(next(OFFSETS)), None, None, None, None, rests))  # type: ignore[arg-type]


def shown(sink: Sink, view: str = "ownership") -> list[tuple[str, int, int]]:
    rows = sink.query(f"SELECT workload, start, `end` FROM {view} ORDER BY start, `end`").to_pylist()  # noqa: S608
    return [(row["workload"], seconds(row["start"]), seconds(row["end"])) for row in rows]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.integers(0, 2**32))
def test_the_view_shows_what_was_said_and_no_more_between_any_two_inserts(chdb_sink: Sink, told: list[FlowBatch], seed: int) -> None:
    network, chance = next(NETWORKS), random.Random(seed)
    told = renamed(told, network)
    question = "SELECT network, ip, port, workload, node_id, start, `end` FROM weir.ownership WHERE network = "
    stop = chance.choice([1 << 30, chance.randint(0, 20)])  # looked at in between, or at the end
    begun = 0
    for number, insert in enumerate(Workers(chance, told, network).inserts()):
        chdb_sink.write(make.block(make.identity(next(OFFSETS)), None, None, insert.ranges, None, insert.rests))
        begun = max(begun, insert.said)
        if number == stop:
            assert says_no_more(looked_up(chdb_sink, question, network), whole_story(told[:begun]))
    if chance.random() < 0.2:
        for table in ("ownership_ranges", "ownership_rests"):
            engine_of(chdb_sink).execute(f"OPTIMIZE TABLE weir.{table} FINAL")
    assert set(looked_up(chdb_sink, question, network)) == whole_story(told)


def looked_up(sink: Sink, question: str, network: str) -> list[Shown]:
    rows = engine_of(sink).query(f"{question}'{network}'").to_pylist()
    start, end = ([int(row[name].timestamp()) * 1_000_000 + row[name].microsecond for row in rows] for name in ("start", "end"))
    return [Shown(*list(row.values())[:5], start[number], end[number]) for number, row in enumerate(rows)]


def test_a_rest_extends_the_open_ranges_of_its_chain(sink: Sink) -> None:
    write(sink, OPEN, make.ownership([(IP, "other", 30, 40)], chain=8), rests=make.rests([(7, 0, 30)]))
    write(sink, rests=make.rests([(7, 0, 20), (7, 0, 50), (9, 0, 90)]))
    assert shown(sink) == [("w", 0, 50), ("other", 30, 40)]
    write(sink, make.ownership([(IP, "w", 0, 25)], chain=7, ended=True), make.ownership([(IP, "w", 40, 45)], chain=7))
    for _ in range(2):
        assert shown(sink) == [("w", 0, 25), ("other", 30, 40), ("w", 40, 50)]
        for table in ("ownership_ranges", "ownership_rests"):
            engine_of(sink).execute(f"OPTIMIZE TABLE weir.{table} FINAL")
    assert sink.query("SELECT count() AS n FROM ownership_rests").column("n").to_pylist() == [2]


def test_chains_that_begin_with_the_same_range_are_kept_apart(sink: Sink) -> None:
    """A worker was killed; the next one read the same message first, and later knew of an end that the first did not live to see."""
    write(sink, OPEN, make.ownership([(IP, "w", 0, 10)], chain=8), make.ownership([(IP, "w", 0, 20)], chain=8, ended=True))
    write(sink, rests=make.rests([(7, 0, 15), (8, 0, 90)]))
    engine_of(sink).execute("OPTIMIZE TABLE weir.ownership_ranges FINAL")
    assert shown(sink) == [("w", 0, 20)]
    assert sink.query("SELECT count() AS n FROM ownership_ranges").column("n").to_pylist() == [2]


@pytest.mark.parametrize("other", [make.rests([(7, 0, 30)], node="n2"), make.rests([(8, 0, 30)])])
def test_other_rests_extend_nothing(sink: Sink, other: object) -> None:
    write(sink, OPEN, make.ownership([(IP, "plain", 0, 10)]), rests=other)
    assert shown(sink) == [("plain", 0, 10), ("w", 0, 10)] or shown(sink) == [("w", 0, 10), ("plain", 0, 10)]


def test_a_rest_is_a_sign_of_another_owner(sink: Sink) -> None:
    """An assignment ends a minute past the last sign of whoever holds the address otherwise: a rest tells of that as heartbeats do."""
    sink.write_set("ip_events", make.ip_events([(IP, 5, "+", "lb"), (IP, 2_000, "-", "lb")]))
    write(sink, OPEN, rests=make.rests([(7, 0, 1_000)]))
    one = shown(sink, "ownership_by_events")
    engine_of(sink).execute("TRUNCATE TABLE weir.ownership_rests")
    write(sink, make.ownership([(IP, "w", 0, 1_000)]))
    assert one == shown(sink, "ownership_by_events")


def test_ranges_are_there_before_rests_are(chdb_sink: Sink) -> None:
    """The order that the view relies on, when a worker dies between any two inserts."""
    order: list[str] = []
    failpoints.arm(order.append)
    try:
        chdb_sink.write(make.block(make.identity(), make.flows(), None, OPEN, None, make.rests([(7, 0, 20)])))
    finally:
        failpoints.arm(None)
    assert order == ["insert.ownership_ranges", "insert.ownership_rests", "insert.flows"]


def test_an_old_worker_writes_beside_a_new_one(host: EngineHost) -> None:
    """It knows nothing of chains; nothing extends its rows, nor those of before the step."""
    host.drop_database()
    with closing(open_sink(host.url)) as sink:
        engine = engine_of(sink)
        migrate.migrate(engine, tuple(m for m in migrate.known() if m.name < "0012"))
        columns = "network, ip, workload, source, start, `end`, node_id"
        row = f"('default', toIPv6('{IP}'), '{{}}', 'heartbeat', {make.NINE // 1_000_000} + {{}}, {make.NINE // 1_000_000} + {{}}, 'n1')"
        engine.execute(f"INSERT INTO weir.ownership_ranges ({columns}) VALUES {row.format('before', 0, 10)}")  # noqa: S608
        assert "0012_ownership_rests" in sink.migrate()
        engine.execute(f"INSERT INTO weir.ownership_ranges ({columns}) VALUES {row.format('old', 10, 20)}")  # noqa: S608
        write(sink, make.ownership([(IP, "new", 20, 30)], chain=7), rests=make.rests([(7, 0, 90)]))
        engine.execute("OPTIMIZE TABLE weir.ownership_ranges FINAL")
        assert shown(sink) == [("before", 0, 10), ("old", 10, 20), ("new", 20, 90)]
