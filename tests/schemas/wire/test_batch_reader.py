"""The reader of what encode_batch writes against fastavro: the same batches, the same refusals, on any bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.errors import Unreadable
from schemas.records.flow_batch import COUNTER_LIMIT, FLOW_DTYPES, HEARTBEAT_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns
from schemas.records.histogram import Histogram
from schemas.records.validation import INSTANT_LIMIT_US, check_batch
from schemas.wire import codec
from schemas.wire.batch_reader import read_record
from tests.schemas.samples import assert_same_batch, sample_batch, with_flows
from tests.schemas.strategies import batches

ROWS = [0, 1, 2, 63, 64, 65, 127, 128, 129, 204, 205, 1_024, 1_025, 2_000, 8_191, 8_192, 70_000]
"""Where lengths need another byte, and where another way is taken."""


def by_fastavro(body: bytes) -> FlowBatch:
    with patch.object(codec, "read_record", lambda *_: None):
        return codec.decode_batch(body)


def random_batch(flows: int, heartbeats: int, names: int = 40) -> FlowBatch:
    chance = np.random.default_rng([flows, heartbeats])

    def columns(rows: int, dtypes: dict[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
        wide = {name: (rows, 16) if name.endswith("ip") else rows for name in dtypes}
        return {name: chance.integers(0, min(2 ** (8 * t.itemsize), 2**63), wide[name], t.newbyteorder("=")) for name, t in dtypes.items()}

    def times(first: str, last: str, rows: int) -> dict[str, NDArray[Any]]:
        return dict(zip((first, last), np.sort(chance.integers(0, INSTANT_LIMIT_US, (2, rows)), axis=0), strict=True))

    local = {"local_workload": chance.integers(0, names, flows, np.uint32), "role": chance.integers(0, 3, flows, np.uint8)}
    local |= {"remote_domain": chance.integers(0, 3, flows, np.uint32)}
    held = {"workload": chance.integers(0, names, heartbeats, np.uint32)}
    return replace(
        sample_batch(),
        workloads=tuple(f"service-{number}" for number in range(names)),
        flows=FlowColumns(**columns(flows, FLOW_DTYPES) | times("first_seen_us", "last_seen_us", flows) | local),
        heartbeats=HeartbeatColumns(**columns(heartbeats, HEARTBEAT_DTYPES) | times("start_us", "end_us", heartbeats) | held),
    )


@given(batches())
@settings(max_examples=150, deadline=None)
def test_any_batch_is_read_as_fastavro_reads_it(batch: FlowBatch) -> None:
    body = codec.encode_batch(batch)
    assert read_record(memoryview(body)) is not None
    assert_same_batch(codec.decode_batch(body), by_fastavro(body))


@pytest.mark.parametrize("rows", ROWS)
def test_any_number_of_rows_is_read_as_fastavro_reads_it(rows: int) -> None:
    for batch in (random_batch(rows, 3), random_batch(3, rows)):
        body = codec.encode_batch(batch)
        assert read_record(memoryview(body)) is not None
        assert_same_batch(codec.decode_batch(body), batch)
        assert_same_batch(by_fastavro(body), batch)


@pytest.mark.parametrize("names", [0, 2_000, 3_000, 20_000])
def test_a_long_head_is_read_too(names: int) -> None:
    batch = random_batch(70 if names else 0, 1 if names else 0, names)
    assert_same_batch(codec.decode_batch(codec.encode_batch(batch)), batch)


@given(st.data(), st.sampled_from([0, 3, 64, 65, 140]))
@settings(max_examples=400, deadline=None)
def test_changed_bytes_are_read_or_refused_as_by_fastavro(data: st.DataObject, rows: int) -> None:
    """Among them lengths, numbers of rows and of names, negative ones, ends that are torn, and more behind the end."""
    batch = random_batch(rows, 2) if rows else replace(sample_batch(0), heartbeats=random_batch(0, 0).heartbeats)
    body = bytearray(codec.encode_batch(batch))
    begin = body.index(batch.flows.local_ip.tobytes())  # the number of rows and a length stand before it
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.one_of(st.integers(0, len(body) - 1), st.integers(0, 99), st.integers(max(0, begin - 4), begin)))
        body[at % len(body)] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])))
    end = data.draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))
    _assert_same(bytes(body[:end]) + data.draw(st.binary(max_size=3)))


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_as_by_fastavro(body: bytes) -> None:
    _assert_same(body)


def test_every_byte_of_the_head_and_of_the_lengths_counts() -> None:
    body = codec.encode_batch(replace(sample_batch(70), workloads=("a", "b")))
    places = [*range(60), *range(len(body) - 200, len(body))]
    for at in places:
        for byte in (0, 1, 2, 0x7F, 0x80, 0xFF, body[at] ^ 1, body[at] ^ 2):
            _assert_same(body[:at] + bytes((byte,)) + body[at + 1 :])


def test_names_in_blocks_with_their_sizes_are_read_too() -> None:
    """Avro writers may give an array in several blocks, a negative count and a size before each."""
    body = codec.encode_batch(replace(sample_batch(), workloads=("one", "two")))
    plain = bytes((4, 6)) + b"one" + bytes((6,)) + b"two" + bytes(1)
    blocks = bytes((1, 8, 6)) + b"one" + bytes((1, 8, 6)) + b"two" + bytes(1)
    assert body.count(plain) == 1
    changed = body.replace(plain, blocks)
    _assert_same(changed)
    assert codec.decode_batch(changed).workloads == ("one", "two")


@pytest.mark.parametrize("rows", [3, 500])
def test_a_length_of_more_bytes_than_it_needs_is_read_too(rows: int) -> None:
    batch = random_batch(rows, 2)
    body = codec.encode_batch(batch)
    begin = body.index(batch.flows.local_ip.tobytes())
    longer = body[: begin - 1] + bytes((body[begin - 1] | 0x80, 0)) + body[begin:]
    _assert_same(longer)
    assert_same_batch(codec.decode_batch(longer), batch)


@pytest.mark.parametrize("read", [codec.decode_batch, by_fastavro])
@pytest.mark.parametrize("rows", [0, 3, 500])
def test_columns_are_read_only_and_hold_no_message(read: Any, rows: int) -> None:
    """Two threads read them; what waits for its block is columns alone."""
    body = bytearray(codec.encode_batch(random_batch(rows, rows)))
    batch = read(body)
    for columns in (batch.flows, batch.heartbeats):
        for name, column in [*vars(columns).items(), *vars(batch.flows.rtt).items()]:
            assert isinstance(column, Histogram) or not column.flags.writeable, name
    body.clear()  # raises BufferError while an array is a part of it


EDGES = st.sampled_from([0, 1, 2**31, 2**32 * 1_000_000 - 1, 2**32 * 1_000_000, 2**62, COUNTER_LIMIT - 1, COUNTER_LIMIT, 2**64 - 1])


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_values_are_believed_by_the_rule_row_by_row(data: st.DataObject) -> None:
    """Columns are looked at as a whole first: the verdict is that of each row by itself."""
    rows = data.draw(st.integers(1, 3))

    def column(values: st.SearchStrategy[int], dtype: str) -> NDArray[Any]:
        return np.array(data.draw(st.lists(values, min_size=rows, max_size=rows)), dtype)

    names = data.draw(st.lists(st.sampled_from([n for n, t in FLOW_DTYPES.items() if t == np.dtype("<u8")]), max_size=2, unique=True))
    changed = {name: column(EDGES, "<u8") for name in names}
    if data.draw(st.booleans()):
        instants = EDGES.filter(lambda value: value < COUNTER_LIMIT) | st.sampled_from([-1, -(2**63)])
        changed |= {"first_seen_us": column(instants, "<i8"), "last_seen_us": column(instants, "<i8")}
    if data.draw(st.booleans()):
        changed |= {"role": column(st.integers(0, 3), "u1"), "local_workload": column(st.integers(0, 2), "<u4")}
    flows = with_flows(sample_batch(rows), **changed).flows
    fine = all(
        0 <= flows.first_seen_us[row] <= flows.last_seen_us[row] < INSTANT_LIMIT_US
        and all(int(getattr(flows, name)[row]) < COUNTER_LIMIT for name in names)
        and flows.role[row] < 3
        and flows.local_workload[row] < 2
        for row in range(rows)
    )
    try:
        check_batch(replace(sample_batch(), flows=flows))
    except Unreadable:
        assert not fine
    else:
        assert fine


def _assert_same(body: bytes) -> None:
    """By both the same batch, or the same sentence."""
    try:
        wanted = by_fastavro(body)
    except Unreadable as error:
        with pytest.raises(Unreadable) as refused:
            codec.decode_batch(body)
        assert str(refused.value) == str(error)
    else:
        assert_same_batch(codec.decode_batch(body), wanted)
