"""Query results keep their meaning as text."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.output import results
from weir.output.tables import printable


def as_json(column: pa.Array) -> list[Any]:
    return [json.loads(line)["x"] for line in results.json_lines(pa.table({"x": column}))]


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_wide_integers_are_numbers(values: list[int]) -> None:
    assert as_json(pa.array(values, pa.uint64())) == values


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)))))
def test_text_survives_json_and_csv(values: list[str]) -> None:
    table = pa.table({"x": pa.array(values, pa.string()), "n": pa.array(range(len(values)), pa.int64())})
    assert as_json(table["x"].combine_chunks()) == values
    text = "\n".join(results.csv_lines(table)) + "\n"
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == ["x", *values]


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([datetime(2026, 1, 1, 9, 10, tzinfo=UTC)], pa.timestamp("s", tz="UTC")), "2026-01-01T09:10:00Z"),
        (pa.array([datetime(2026, 1, 1, 9, 10, 0, 7, tzinfo=UTC)], pa.timestamp("us", tz="UTC")), "2026-01-01T09:10:00.000007Z"),
        (pa.array([date(2026, 1, 1)], pa.date32()), "2026-01-01"),
        (pa.array([True], pa.bool_()), True),
        (pa.array([None], pa.uint64()), None),
        (pa.array([math.nan], pa.float64()), None),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), 1.5),
        (pa.array(["a"], pa.string()).dictionary_encode(), "a"),
        (pa.array([b"a\xff"], pa.binary()), "a\\xff"),
        (pa.array([[1, 2]], pa.list_(pa.uint8())), [1, 2]),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.uint8())), {"a": 1}),
        (pa.array([{"a": datetime(2026, 1, 1, tzinfo=UTC)}]), {"a": "2026-01-01T00:00:00.000000Z"}),
    ],
)
def test_values_of_every_type(column: pa.Array, wanted: Any) -> None:
    assert as_json(column) == [wanted]


def test_instants_of_other_zones_are_told_in_utc() -> None:
    assert results.instant(datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-01T00:00:00.000000Z"
    assert results.instant(datetime(2026, 1, 1)) == "2026-01-01T00:00:00.000000Z"


def test_csv_spells_nulls_truth_and_lists() -> None:
    table = pa.table({"a": [None, 1], "b": [True, False], "c": [[1], [Decimal("1.5")]][:1] * 2})
    assert list(results.csv_lines(table)) == ["a,b,c", ",true,[1]", "1,false,[1]"]


def test_many_chunks_make_all_rows() -> None:
    table = pa.table({"x": pa.chunked_array([range(5_000), range(7_919)])})
    assert [json.loads(line)["x"] for line in results.json_lines(table)] == [*range(5_000), *range(7_919)]


@given(st.text())
def test_no_name_moves_the_cursor(text: str) -> None:
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text
