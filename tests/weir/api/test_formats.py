"""Values on the wire."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest

from weir.api.formats import body
from weir.api.parameters import Format

TABLE = pa.table(
    {
        "small": pa.array([2**53, None], pa.uint64()),
        "large": pa.array([2**53 + 1, 2**64 - 1], pa.uint64()),
        "at": pa.array([0, 1_500_000], pa.timestamp("us", tz="UTC")),
        "text": ['=a,"b"\n', ""],
        "list": [[1, 2], []],
        "share": [0.5, None],
    }
)
PLAIN = {
    "small": [2**53, None], "large": ["9007199254740993", "18446744073709551615"],
    "at": ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500000Z"], "text": ['=a,"b"\n', ""], "list": [[1, 2], []], "share": [0.5, None],
}  # fmt: skip


def test_integers_beyond_a_browsers_are_text_and_instants_are_rfc_3339() -> None:
    assert json.loads(body(TABLE, {"sql": "x"}, "json")) == {"data": PLAIN, "meta": {"sql": "x"}}
    rows = [json.loads(line) for line in body(TABLE, {}, "ndjson").splitlines()]
    assert {name: [row[name] for row in rows] for name in PLAIN} == PLAIN


def test_csv_has_every_value_and_lists_as_json() -> None:
    rows = list(csv.DictReader(io.StringIO(body(TABLE, {}, "csv").decode(), newline="")))
    assert rows[0] == {
        "small": str(2**53),
        "large": str(2**53 + 1),
        "at": PLAIN["at"][0],
        "text": '=a,"b"\n',
        "list": "[1,2]",
        "share": "0.5",
    }
    assert rows[1] == {"small": "", "large": str(2**64 - 1), "at": PLAIN["at"][1], "text": "", "list": "[]", "share": ""}


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow"])
def test_an_answer_without_rows_has_its_columns_where_the_format_can_say_so(form: Format) -> None:
    found = body(TABLE.slice(0, 0), {}, form)
    assert (b"small" in found) is (form != "ndjson")
