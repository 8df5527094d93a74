"""Rows taken out of the tables, and what workers are told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.errors import Unavailable
from schemas.topics import FLOWS_TOPIC
from sinks.base import Sink
from sinks.engines.base import Engine
from sinks.exactly_once import recomputations
from sinks.exactly_once.recomputations import Edition, Recomputation, Rewound
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import assert_rollups_follow, totals

HOUR = 3_600 * make.SECOND
PLACE = Rewound(FLOWS_TOPIC, "an-id", 0, 0, 50)
SPAN = Recomputation(1, make.NINE, make.NINE + HOUR, (PLACE,))
SECOND_HOUR = make.Shape(rows=40, windows=2, start_us=make.NINE + HOUR)


@pytest.fixture
def engine(sink: Sink) -> Engine:
    """Two blocks: one of the hour from nine, one of the hour from ten."""
    found: Engine = engine_of(sink)
    sink.write(nine())
    sink.write(make.block(make.identity(10), make.flows(SECOND_HOUR, seed=2, first_offset=10)))
    return found


def nine(edition: int = 0):  # type: ignore[no-untyped-def]
    identity = replace(make.identity(0), edition=edition)
    return make.block(identity, make.flows(), make.losses(3), None, make.batches([(0, 0, 1), (10, 0, 1)]))


def edition(sink: Sink, topic_id: str = "an-id", partition: int = 0) -> Edition:
    return sink.edition(FLOWS_TOPIC, topic_id, partition)


def test_nobody_is_told_anything_without_one(sink: Sink) -> None:
    assert edition(sink) == Edition(0, 0)
    assert recomputations.interrupted(engine_of(sink)) is None


def test_workers_wait_for_its_end_and_then_know_of_it(sink: Sink, engine: Engine) -> None:
    recomputations.note(engine, SPAN, "begun")
    assert recomputations.interrupted(engine) == SPAN
    with pytest.raises(Unavailable, match="recomputation 1 is under way"):
        edition(sink)
    recomputations.note(engine, SPAN, "done")
    assert recomputations.interrupted(engine) is None
    assert edition(sink) == Edition(1, 50)
    assert edition(sink, partition=1) == Edition(1, 0)
    assert edition(sink, "another-id") == Edition(1, 0)
    assert recomputations.next_number(engine) == 2


def test_one_that_was_withdrawn_means_nothing(sink: Sink, engine: Engine) -> None:
    recomputations.note(engine, SPAN, "begun")
    recomputations.note(engine, SPAN, "withdrawn")
    assert edition(sink) == Edition(0, 0)
    assert recomputations.next_number(engine) == 2


def test_the_span_goes_everywhere_and_nothing_else_does(sink: Sink, engine: Engine) -> None:
    recomputations.remove(engine, SPAN)
    recomputations.remove(engine, SPAN)
    assert totals(sink, "flows")["n"] == SECOND_HOUR.rows
    assert_rollups_follow(sink)
    assert sink.query("SELECT (SELECT count() FROM weir.losses) + (SELECT count() FROM weir.batches) AS n").column("n")[0].as_py() == 0


def test_the_old_token_is_remembered_and_the_new_one_is_news(sink: Sink, engine: Engine) -> None:
    before = {table: totals(sink, table) for table in ("flows", "flows_1m", "flows_5m", "flows_1h")}
    recomputations.remove(engine, SPAN)
    sink.write(nine())
    assert totals(sink, "flows")["n"] == SECOND_HOUR.rows
    for _ in range(2):
        sink.write(nine(edition=1))
        assert {table: totals(sink, table) for table in before} == before
    assert_rollups_follow(sink)


def test_where_the_rows_came_from(engine: Engine) -> None:
    (origin,) = recomputations.origins(engine, make.NINE, make.NINE + HOUR)
    assert (origin.topic, origin.partition, origin.first_offset, origin.last_offset) == (FLOWS_TOPIC, 0, 0, 10)
    assert (origin.flows, origin.losses) == (100, 3)
    assert recomputations.nodes(engine, origin) == {"n1"}
    assert recomputations.origins(engine, make.NINE - HOUR, make.NINE) == []
    assert recomputations.newest_before(engine, FLOWS_TOPIC, 0, 10) == make.NINE + 20 * make.SECOND


def test_flows_too_old_to_be_told_from_repeats_are_counted(engine: Engine) -> None:
    assert recomputations.beyond_horizon(engine, (PLACE,), HOUR + 60 * make.SECOND) == 0
    assert recomputations.beyond_horizon(engine, (PLACE,), HOUR // 2) == 100
    assert recomputations.beyond_horizon(engine, (replace(PLACE, first_offset=10),), HOUR // 2) == 0
