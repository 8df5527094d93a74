"""Histograms of times in the tables: summed exactly through every rollup, and quantiles of them within 20 % of the samples themselves."""

from __future__ import annotations

from itertools import count
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records.histogram import BOUNDS_US, BUCKETS
from sinks.base import Sink
from tests.sinks import blocks as make
from tests.sinks.engine_of import engine_of
from tests.sinks.oracle import COARSE, EDGES, assert_rollups_follow

TABLES = ("flows", *COARSE, *EDGES)
FRESH = count()
LISTS = st.lists(st.one_of(st.just([]), st.lists(st.integers(0, 2**32 - 1), max_size=BUCKETS)), min_size=1, max_size=12)
TIMES = st.lists(st.integers(BOUNDS_US[1], BOUNDS_US[-1]), min_size=1, max_size=40)
WITHOUT_FUNCTION = """
WITH (SELECT groupArray(value_us) FROM (SELECT value_us FROM weir.histogram_bounds ORDER BY bucket)) AS values_us
SELECT if(arraySum(h) = 0, NULL, values_us[
    arrayFirstIndex(seen -> seen >= greatest(1, ceil({level} * arraySum(h) * (1 - 1e-12))), arrayCumSum(h))
]) AS q
FROM (SELECT {histogram} AS h)"""
"""As the manual has it, for servers where the function may not be created."""


def ends_with_samples(values: list[int]) -> list[int]:
    """What a histogram is: up to the last bucket that has any."""
    return values[: max((place + 1 for place, value in enumerate(values) if value), default=0)]


@given(LISTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sums_are_exact_in_every_table(sink: Sink, lists: list[list[int]]) -> None:
    lists = [ends_with_samples(values) for values in lists]
    rows = make.flows(make.Shape(rows=len(lists), windows=2), seed=1)
    place = rows.schema.get_field_index("rtt_histogram")
    offset = 10 * next(FRESH)
    engine = engine_of(sink)
    for table in TABLES:
        engine.execute(f"TRUNCATE TABLE weir.{table}")
    rows = rows.set_column(place, rows.schema.field(place), make.samples(lists))
    rows = rows.set_column(rows.schema.get_field_index("canonical"), "canonical", [[True] * len(lists)])
    sink.write(make.block(make.identity(offset), rows))
    expected = [sum(values[bucket] for values in lists if bucket < len(values)) for bucket in range(max(map(len, lists)))]
    for table in TABLES:
        found = sink.query(f"SELECT sumForEach(rtt_histogram) AS h FROM {table}").column("h").to_pylist()  # noqa: S608
        assert found == [expected], table
    for table in EDGES:
        engine.execute(f"OPTIMIZE TABLE weir.{table} FINAL")
    assert_rollups_follow(sink)


def test_a_histogram_of_a_rollup_ends_with_the_last_bucket_that_has_samples(sink: Sink) -> None:
    engine_of(sink).execute(
        "INSERT INTO weir.flows_1m (window_start, rtt_samples) VALUES (0, map(3, 7, 5, 1)), (60, map()), (120, map(48, 2))"
    )
    found = sink.query("SELECT rtt_histogram AS h FROM flows_1m ORDER BY window_start").column("h").to_pylist()
    assert found == [[0, 0, 7, 0, 1], [], [0] * 47 + [2]]


def test_all_columns_of_every_table_can_be_shown(sink: Sink) -> None:
    sink.write(make.block(make.identity(), make.flows(make.Shape(rows=5))))
    for table in TABLES:
        assert sink.query(f"SELECT *, rtt_histogram, connect_histogram FROM {table}").num_rows  # noqa: S608


def test_the_bounds_are_those_of_the_agents(sink: Sink) -> None:
    found = sink.query("SELECT * FROM histogram_bounds ORDER BY bucket").to_pydict()
    assert found["bucket"] == list(range(1, BUCKETS + 1))
    assert found["low_us"] == list(BOUNDS_US)
    assert found["high_us"] == [*BOUNDS_US[1:], None]
    for low, high, value in zip(BOUNDS_US[1:-1], BOUNDS_US[2:], found["value_us"][1:-1], strict=True):
        assert abs(value - low) <= 0.2001 * low and abs(value - (high - 1)) <= 0.2 * (high - 1)


def histogram_of(times: list[int]) -> list[int]:
    places = [max(place for place, low in enumerate(BOUNDS_US) if low <= time) for time in times]
    return [places.count(place) for place in range(max(places) + 1)]


@given(TIMES, st.one_of(st.sampled_from([0, 0.1, 0.5, 0.9, 0.95, 0.99, 1]), st.floats(0, 1)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_quantile_is_within_a_fifth_of_the_sample(chdb_sink: Sink, times: list[int], level: float) -> None:
    histogram = histogram_of(times)
    answers = [
        chdb_sink.query(sql.format(level=f"toFloat64({level!r})", histogram=histogram)).column("q")[0].as_py()
        for sql in ("SELECT weirQuantile({level}, {histogram}) AS q", WITHOUT_FUNCTION)
    ]
    assert answers[0] == pytest.approx(answers[1], rel=1e-4)
    rank = max(1, ceil(level * len(times) * (1 - 1e-12)))
    sample = sorted(times)[rank - 1]
    assert abs(answers[0] - sample) <= 0.2001 * sample


@pytest.mark.parametrize("histogram", ["CAST([] AS Array(UInt32))", "[0, 0, 0]", "CAST([] AS Array(UInt64))"])
def test_no_samples_have_no_quantile(sink: Sink, histogram: str) -> None:
    for sql in (f"SELECT weirQuantile(0.5, {histogram}) AS q", WITHOUT_FUNCTION.format(level=0.5, histogram=histogram)):
        assert sink.query(sql).column("q").to_pylist() == [None]


def test_a_level_of_more_than_one_is_the_largest(sink: Sink) -> None:
    assert sink.query("SELECT weirQuantile(7, [0, 1]) AS a, weirQuantile(1, [0, 1]) AS b").to_pylist() == [{"a": 9.6, "b": 9.6}]
