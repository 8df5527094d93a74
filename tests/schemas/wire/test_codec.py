"""What is encoded comes back; what is wrong is refused with a sentence, on the way in and on the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch, Loss
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import AddressRange, Ownership, Watermark
from schemas.wire import codec
from schemas.wire.schema_files import current
from tests.schemas.samples import WINDOW_US, assert_same_batch, sample_batch, with_flows
from tests.schemas.strategies import IP_EVENTS, OWNERSHIPS, WATERMARKS, batches

Change = Callable[[FlowBatch], FlowBatch]


@given(batches())
@settings(max_examples=150, deadline=None)
def test_a_batch_comes_back(batch: FlowBatch) -> None:
    assert_same_batch(codec.decode_batch(codec.encode_batch(batch)), batch)


@given(IP_EVENTS)
def test_an_ip_event_comes_back(event: IpEvent) -> None:
    assert codec.decode_ip_event(codec.encode_ip_event(event)) == event


@given(OWNERSHIPS)
def test_an_ownership_comes_back(ownership: Ownership) -> None:
    assert codec.decode_ownership(codec.encode_ownership(ownership)) == ownership


@given(WATERMARKS)
def test_a_watermark_comes_back(watermark: Watermark) -> None:
    assert codec.decode_watermark(codec.encode_watermark(watermark)) == watermark


def test_a_plain_avro_reader_sees_the_documented_columns() -> None:
    record: Any = schemaless_reader(BytesIO(codec.encode_batch(sample_batch())), current("FlowBatch").parsed, None)
    assert record["flows"]["rows"] == 3
    ports = sample_batch().flows.service_port.tolist()
    assert record["flows"]["service_port"] == bytes(port & 0xFF for port in ports) + bytes(port >> 8 for port in ports)
    assert record["flows"]["local_ip"] == sample_batch().flows.local_ip.tobytes()


DEFECTS: list[tuple[str, Change]] = [
    ("window_seconds is 0", lambda b: replace(b, window_seconds=0)),
    ("window_seconds is 65536", lambda b: replace(b, window_seconds=65_536)),
    ("window_start is -1000000", lambda b: replace(b, window_start_us=-1_000_000)),
    ("between 1970 and 2106", lambda b: replace(b, window_start_us=2**32 * 1_000_000)),
    ("on a whole second", lambda b: replace(b, window_start_us=WINDOW_US + 1)),
    ("epoch is -1", lambda b: replace(b, epoch=-1)),
    ("seq is -1", lambda b: replace(b, seq=-1)),
    ("epoch is 9223372036854775808", lambda b: replace(b, epoch=2**63)),
    ("Batch 1 of 1 does not exist", lambda b: replace(b, batch_index=1)),
    ("batch_index is 2147483648", lambda b: replace(b, batch_index=2**31, batch_count=0)),
    ("batch_count is -1", lambda b: replace(b, batch_count=-1)),
    ("empty node_id", lambda b: replace(b, node_id="")),
    ("control character U\\+000A", lambda b: replace(b, workloads=("a\nb", "c"))),
    ("control character U\\+0000", lambda b: replace(b, node_id="n\0")),
    ("control character U\\+0085", lambda b: replace(b, network="\x85")),
    ("10000 bytes long", lambda b: replace(b, workloads=("a", "x" * 10_000))),
    ("lone surrogate", lambda b: replace(b, region="\ud800")),
    ("local_workload of row 1 is 2, and there are 2 workloads", lambda b: with_flows(b, local_workload=np.array([0, 2, 0], "<u4"))),
    ("role of row 2 is 3", lambda b: with_flows(b, role=np.array([0, 1, 3], "u1"))),
    ("bytes_sent of row 0 is 9223372036854775808", lambda b: with_flows(b, bytes_sent=np.array([2**63, 0, 0], "<u8"))),
    ("rtt_us_sum of row 2 is", lambda b: with_flows(b, rtt_us_sum=np.array([0, 0, 2**64 - 1], "<u8"))),
    (
        "last_seen_us of row 0 is 1970-01-01T00:00:00.000005Z, before its first_seen_us, 1970-01-01T00:00:00.000006Z",
        lambda b: with_flows(b, **_times([6, 0, 0], [5, 0, 0])),
    ),
    ("Row 1 lasts from -1", lambda b: with_flows(b, **_times([0, -1, 0], [0, 0, 0]))),
    ("between 1970 and 2106", lambda b: with_flows(b, **_times([0, 0, 0], [0, 0, 2**62]))),
    ("between 1970 and 2106", lambda b: with_flows(b, **_times([0, 2**62, 0], [0, 0, 0]))),
    ("A heartbeat's workload of row 0 is 9", lambda b: _beat(b, workload=np.array([9, 0], "<u4"))),
    ("end_us of row 1", lambda b: _beat(b, end_us=np.array([WINDOW_US, WINDOW_US], "<i8"))),
    ("Column bytes_sent has the shape", lambda b: with_flows(b, bytes_sent=np.zeros(2, "<u8"))),
    ("A loss's window_start is", lambda b: replace(b, losses=(Loss(WINDOW_US + 1, "agent", "x"),))),
    ("A loss's packets is -1", lambda b: replace(b, losses=(Loss(WINDOW_US, "agent", "x", packets=-1),))),
    ("A loss's bytes is", lambda b: replace(b, losses=(Loss(WINDOW_US, "agent", "x", bytes=2**63),))),
    ("control character", lambda b: replace(b, losses=(Loss(WINDOW_US, "agent", "x\ty"),))),
]


def _times(first: list[int], last: list[int]) -> dict[str, Any]:
    return {"first_seen_us": np.array(first, "<i8"), "last_seen_us": np.array(last, "<i8")}


def _beat(batch: FlowBatch, **columns: Any) -> FlowBatch:
    return replace(batch, heartbeats=replace(batch.heartbeats, **columns))


@pytest.mark.parametrize(("sentence", "change"), DEFECTS, ids=[sentence for sentence, _ in DEFECTS])
def test_a_defect_is_not_written(sentence: str, change: Change) -> None:
    with pytest.raises(Unreadable, match=sentence):
        codec.encode_batch(change(sample_batch()))


@pytest.mark.parametrize(("sentence", "change"), DEFECTS, ids=[sentence for sentence, _ in DEFECTS])
def test_a_defect_is_not_read(sentence: str, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = change(sample_batch())
    with monkeypatch.context() as patch:
        patch.setattr(codec, "check_batch", lambda batch: None)
        try:
            body = codec.encode_batch(spoilt)
        except Unreadable:
            return  # Avro itself has no room for such a value
    with pytest.raises(Unreadable, match=sentence if "shape" not in sentence else "Column bytes_sent has 16 bytes where 3 rows"):
        codec.decode_batch(body)


@pytest.mark.parametrize("column", ["local_ip", "service_port", "bytes_received", "rtt_count"])
@pytest.mark.parametrize("excess", [-1, 1, 8])
def test_columns_of_unequal_length_are_refused(column: str, excess: int) -> None:
    record: Any = schemaless_reader(BytesIO(codec.encode_batch(sample_batch())), current("FlowBatch").parsed, None)
    data = record["flows"][column]
    record["flows"][column] = data[:excess] if excess < 0 else data + bytes(excess)
    with pytest.raises(Unreadable, match=f"Column {column} has {len(data) + excess} bytes where 3 rows"):
        codec.decode_batch(_written("FlowBatch", record))


@pytest.mark.parametrize("rows", [-1, 2, 2**31 - 1])
def test_a_wrong_number_of_rows_is_refused(rows: int) -> None:
    record: Any = schemaless_reader(BytesIO(codec.encode_batch(sample_batch())), current("FlowBatch").parsed, None)
    record["flows"]["rows"] = rows
    with pytest.raises(Unreadable, match=f"where {rows} rows"):
        codec.decode_batch(_written("FlowBatch", record))


def test_every_torn_end_is_refused() -> None:
    body = codec.encode_batch(sample_batch())
    for end in range(len(body)):
        with pytest.raises(Unreadable):
            codec.decode_batch(body[:end])


def test_trailing_garbage_is_refused() -> None:
    body = codec.encode_batch(sample_batch())
    with pytest.raises(Unreadable, match=f"of {len(body) + 2} bytes has 2 bytes after its end"):
        codec.decode_batch(body + b"\0\0")


def test_bad_utf8_is_refused() -> None:
    body = codec.encode_batch(replace(sample_batch(), node_id="qqqq")).replace(b"qqqq", b"\xff\xfe\xff\xfe")
    with pytest.raises(Unreadable, match="torn or not of schema"):
        codec.decode_batch(body)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_flipped_bytes_are_read_or_refused_and_never_crash(data: st.DataObject) -> None:
    body = bytearray(codec.encode_batch(sample_batch()))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    _read_or_refuse(bytes(body))


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused_and_never_crash(body: bytes) -> None:
    _read_or_refuse(body)


def test_a_column_of_another_type_is_a_callers_mistake() -> None:
    with pytest.raises(TypeError):
        codec.encode_batch(with_flows(sample_batch(), bytes_sent=np.array([-1, 0, 0], np.int64)))


def test_hostile_but_harmless_names_pass() -> None:
    names = ("'; DROP TABLE flows; --", "👾" * 128, "x" * 512)
    batch = replace(sample_batch(), workloads=names)
    assert codec.decode_batch(codec.encode_batch(batch)).workloads == names


RANGE = AddressRange("w", 0, 0, 1, 2, "heartbeat", "n1")


@pytest.mark.parametrize(
    ("sentence", "encode", "record"),
    [
        ("An address has 4 bytes", codec.encode_ip_event, IpEvent("default", b"\n\0\0\1", "w", True, 0)),
        ("without a name", codec.encode_ip_event, IpEvent("default", bytes(16), "", True, 0)),
        ("An event's time is -1", codec.encode_ip_event, IpEvent("default", bytes(16), "w", True, -1)),
        ("An address has 0 bytes", codec.encode_ownership, Ownership("default", b"", ())),
        ("ends at 1 us, before", codec.encode_ownership, Ownership("default", bytes(16), (replace(RANGE, start_us=2, end_us=1),))),
        ("port 65536", codec.encode_ownership, Ownership("default", bytes(16), (replace(RANGE, port=65_536),))),
        ("protocol 256", codec.encode_ownership, Ownership("default", bytes(16), (replace(RANGE, protocol=256),))),
        ("control character", codec.encode_ownership, Ownership("default", bytes(16), (replace(RANGE, workload="\n"),))),
        ("reported_until is -1", codec.encode_watermark, Watermark(0, -1, 0, "w")),
        ("partition is -1", codec.encode_watermark, Watermark(-1, 0, 0, "w")),
        ("below 2\\^31", codec.encode_watermark, Watermark(2**40, 0, 0, "w")),
    ],
)
def test_small_records_are_checked(sentence: str, encode: Callable[[Any], bytes], record: Any) -> None:
    with pytest.raises(Unreadable, match=sentence):
        encode(record)


def _written(name: str, record: Any) -> bytes:
    out = BytesIO()
    schemaless_writer(out, current(name).parsed, record)
    return out.getvalue()


def _read_or_refuse(body: bytes) -> None:
    try:
        batch = codec.decode_batch(body)
    except Unreadable as error:
        assert str(error)
    else:
        assert_same_batch(codec.decode_batch(codec.encode_batch(batch)), batch)
