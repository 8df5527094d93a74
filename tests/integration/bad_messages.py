"""Messages of weir.flows that cannot be used, each for its own reason, and good ones to stand between them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from fastavro import schemaless_reader, schemaless_writer

from schemas.records.flow_batch import FLOW_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns
from schemas.records.ip_event import IpEvent
from schemas.wire.codec import encode_batch, encode_ip_event
from schemas.wire.framing import frame
from schemas.wire.schema_files import Schema, current

ROWS = 3
BYTES_SENT = 7_919
SECOND_US = 1_000_000
START_US = (int(time.time()) // 60 * 60 - 600) * SECOND_US
UNKNOWN_ID, OLDER_ID = 4_242, 7


class Bad(NamedTuple):
    name: str
    value: bytes | None
    reason: str  # a part of what the dead letter's header says


def good_batch(node_id: str, workload: str = "checkout", start_us: int = START_US) -> FlowBatch:
    """Three flows from 10.7.0.1, which belongs to `workload`, to nobody that is known."""
    columns: dict[str, Any] = {name: np.zeros((ROWS, 16) if name.endswith("_ip") else ROWS, kind) for name, kind in FLOW_DTYPES.items()}
    columns["local_ip"][:] = np.frombuffer(address(1), np.uint8)
    columns["remote_ip"][:] = [np.frombuffer(address(100 + row), np.uint8) for row in range(ROWS)]
    columns |= {"protocol": np.full(ROWS, 6, np.uint8), "role": np.full(ROWS, 1, np.uint8), "bytes_sent": np.full(ROWS, BYTES_SENT, "<u8")}
    columns |= {"first_seen_us": np.full(ROWS, start_us + SECOND_US), "last_seen_us": np.full(ROWS, start_us + 2 * SECOND_US)}
    beat = HeartbeatColumns(
        ip=np.frombuffer(address(1), np.uint8).reshape(1, 16),
        workload=np.zeros(1, "<u4"),
        port=np.zeros(1, "<u2"),
        protocol=np.zeros(1, "u1"),
        start_us=np.array([start_us]),
        end_us=np.array([start_us + 10 * SECOND_US]),
    )
    return FlowBatch(node_id, 1, 0, "eu", f"net-{node_id}", start_us, 10, 0, 1, (workload,), FlowColumns(**columns), beat)


def address(last: int) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes([10, 7, 0, last])


def message(batch: FlowBatch) -> bytes:
    return frame("FlowBatch", encode_batch(batch))


def written(change: Callable[[dict[str, Any]], object], batch: FlowBatch | None = None, schema: Schema | None = None) -> bytes:
    """The Avro body of a batch whose record was changed past every check."""
    record: Any = schemaless_reader(BytesIO(encode_batch(batch or good_batch("bad"))), current("FlowBatch").parsed, None)
    change(record)
    out = BytesIO()
    schemaless_writer(out, (schema or current("FlowBatch")).parsed, record)
    return out.getvalue()


def spoiled(**changes: Any) -> bytes:
    """A framed batch with other values; `flows__NAME` means the column NAME."""

    def change(record: dict[str, Any]) -> None:
        for name, value in changes.items():
            *inner, last = name.split("__")
            (record[inner[0]] if inner else record)[last] = value

    return frame("FlowBatch", written(change))


def older_schema() -> Schema:
    """FlowBatch as another version might have written it: its fields in another order, and one that is no more."""
    raw = json.loads(current("FlowBatch").text)
    raw["fields"] = [{"name": "zone", "type": "string"}, *reversed(raw["fields"])]
    return Schema.of(json.dumps(raw))


def of_older_schema(batch: FlowBatch) -> bytes:
    """In Confluent's framing, under the id that the registry knows the older schema by."""
    return b"\0" + OLDER_ID.to_bytes(4, "big") + written(lambda record: record.update(zone="z1"), batch, older_schema())


def bad_messages() -> Iterator[Bad]:
    whole = message(good_batch("bad", workload="AAAA"))
    yield Bad("empty", b"", "no known framing")
    yield Bad("no value at all", None, "no known framing")
    yield Bad("text", b"hello, world", "no known framing")
    yield Bad("torn at the end", whole[:-7], "torn")
    yield Bad("torn behind the frame", whole[:12], "torn")
    yield Bad("bytes behind the end", whole + b"\0\0", "2 bytes after its end")
    yield Bad("unknown fingerprint", whole[:2] + b"\1\2\3\4\5\6\7\x08" + whole[10:], "unknown schema, fingerprint 0102030405060708")
    yield Bad("unknown schema id", b"\0" + UNKNOWN_ID.to_bytes(4, "big") + whole[10:], f"no schema with id {UNKNOWN_ID}")
    yield Bad("another record", frame("IpEvent", encode_ip_event(IpEvent("default", address(1), "lb", True, START_US))), "holds a IpEvent")
    yield Bad("unequal columns", spoiled(flows__service_port=b"\0" * 4), "Column service_port has 4 bytes where 3 rows of 2 bytes need 6")
    yield Bad("a row too many", spoiled(flows__rows=ROWS + 1), "4 rows of")
    yield Bad("fewer rows than none", spoiled(flows__rows=-1), "-1 rows")
    yield Bad("uneven heartbeats", spoiled(heartbeats__end_us=b"\0" * 7), "Column end_us has 7 bytes")
    yield Bad("counter of 2^63", spoiled(flows__bytes_sent=b"\0" * 7 * ROWS + b"\x80\0\0"), "counters stay below 2^63")
    yield Bad("counter of 2^64 - 1", spoiled(flows__rtt_us_sum=b"\xff" * 8 * ROWS), "counters stay below 2^63")
    yield Bad("negative epoch", spoiled(epoch=-1), "epoch is -1")
    far_us = START_US + 400 * 86_400 * SECOND_US
    yield Bad("window in the far future", message(good_batch("bad", "mallory", far_us)), "in the future")
    yield Bad("window beyond all time", spoiled(window_start=2**62), "instants lie between 1970 and 2106")
    yield Bad("window off the second", spoiled(window_start=START_US + 1), "not on a whole second")
    yield Bad("window of no length", spoiled(window_seconds=0), "window_seconds is 0")
    yield Bad("flow that ends before it begins", spoiled(flows__last_seen_us=b"\0" * 8 * ROWS), "before its first_seen")
    yield Bad("batch beyond the last", spoiled(batch_index=1), "Batch 1 of 1 does not exist")
    yield Bad("workload that is not listed", spoiled(workloads=[]), "there are 0 workloads")
    yield Bad("role that does not exist", spoiled(flows__role=b"\x09" * ROWS), "role of row 0 is 9")
    yield Bad("no node", spoiled(node_id=""), "empty node_id")
    yield Bad("name with a newline", spoiled(workloads=["check\nout"]), "control character U+000A")
    yield Bad("name of 10 kB", spoiled(workloads=["x" * 10_000]), "10000 bytes long")
    yield Bad("name that is no text", whole.replace(b"AAAA", b"\xff\xfe\xfd\xfc"), "torn")
    yield Bad("loss below nothing", frame("FlowBatch", written(_negative_loss)), "bytes is -1")
    yield Bad("length of 2^40", whole[:10] + b"\x80\x80\x80\x80\x80\x80\x01" + whole[11:], "torn")


def _negative_loss(record: dict[str, Any]) -> None:
    record["losses"] = [
        {"window_start": START_US, "stage": "agent", "reason": "map_full", "flows": 0, "packets": 0, "bytes": -1, "id": 0},
    ]


def in_window(batch: FlowBatch, start_us: int) -> FlowBatch:
    return replace(batch, window_start_us=start_us)
