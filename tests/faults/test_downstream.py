"""What the bench reads of weir.attributed by columns is what an Avro reader reads by rows."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from fastavro import schemaless_reader
from hypothesis import given
from hypothesis import strategies as st

from schemas.wire.attributed import attributed_messages
from schemas.wire.framing import unframe
from tests.faults.downstream import long, read_long, rows_of
from tests.schemas.wire.test_attributed import ROWS, Row, table_of


@given(ROWS)
def test_a_message_by_columns_is_the_message_by_rows(rows: list[Row]) -> None:
    for message in attributed_messages(table_of(rows)):
        framed = unframe(message.value)
        record: Any = schemaless_reader(BytesIO(framed.body), framed.writer.parsed, None)
        start_us, seconds, region, frame = rows_of(framed)
        assert (start_us, seconds, region) == (record["window_start"], record["window_seconds"], record["region"])
        assert frame.to_dicts() == record["flows"]


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_long_is_read_as_it_was_written(value: int) -> None:
    data = long(value)
    assert read_long(data, 0) == (value, len(data))
