"""The same batch as each contender takes it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import fastavro
import orjson

from schemas.arrays import U8
from schemas.records.flow_batch import COUNTERS, ROLE_NAMES, FlowBatch
from schemas.wire.codec import encode_batch
from schemas.wire.framing import frame
from tests.bench.peers.flows import WINDOW_SECONDS

Message = tuple[bytes, bytes]
"""Key and value."""

ADDRESSES = ("local_ip", "remote_ip")
INSTANTS = ("first_seen_us", "last_seen_us")
SUMMED = tuple(name for name in COUNTERS if name not in ("connections_refused", "connections_timed_out"))
"""What the tables of the contenders have: those that weir's first migrations make."""
INTEGERS = ("service_port", "protocol", "role", "local_workload", *INSTANTS, *SUMMED)
NUMBERED = ("protocol", "role", "local_workload")
"""What is a word in the tables: the field in batched Avro has another name, so that a view can tell them apart."""

_address = {"type": "fixed", "name": "address", "size": 16}


def avro_name(name: str) -> str:
    return f"{name}_number" if name in NUMBERED else name


BATCH_SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "batch",
        "fields": [
            {"name": "node_id", "type": "string"},
            {"name": "epoch", "type": "long"},
            {"name": "window_start", "type": "long"},
            {"name": "workloads", "type": {"type": "array", "items": "string"}},
            {"name": "local_ip", "type": {"type": "array", "items": _address}},
            {"name": "remote_ip", "type": {"type": "array", "items": "address"}},
            *({"name": avro_name(name), "type": {"type": "array", "items": "long"}} for name in INTEGERS),
        ],
    }
)


def weirs(batch: FlowBatch) -> Iterator[Message]:
    """A message of weir.flows, heartbeats and all."""
    yield batch.node_id.encode(), frame("FlowBatch", encode_batch(batch))


def batched_avro(batch: FlowBatch) -> Iterator[Message]:
    """An Avro file of one record, with an array a column: what ClickHouse reads as one row and its view unfolds."""
    record: dict[str, Any] = {
        "node_id": batch.node_id,
        "epoch": batch.epoch,
        "window_start": batch.window_start_us // 1_000_000,
        "workloads": batch.workloads,
        **{name: _addresses(batch, name) for name in ADDRESSES},
        **{avro_name(name): getattr(batch.flows, name).tolist() for name in INTEGERS},
    }
    out = BytesIO()
    fastavro.writer(out, BATCH_SCHEMA, [record])
    yield batch.node_id.encode(), out.getvalue()


def records(batch: FlowBatch) -> Iterator[Message]:
    """A JSON record a message, by names and plain values, as they are before anybody thinks of columns."""
    flows = batch.flows
    columns = {name: getattr(flows, name).tolist() for name in INTEGERS}
    columns["role"] = [ROLE_NAMES[role] for role in columns["role"]]
    columns["local_workload"] = [batch.workloads[place] for place in columns["local_workload"]]
    columns |= {name: dotted(getattr(flows, name)) for name in ADDRESSES}
    place = {
        "node_id": batch.node_id,
        "epoch": batch.epoch,
        "window_start": batch.window_start_us // 1_000_000,
        "window_seconds": WINDOW_SECONDS,
    }
    for row in zip(*columns.values(), strict=True):
        yield batch.node_id.encode(), orjson.dumps({**place, **dict(zip(columns, row, strict=True))})


def dotted(addresses: U8) -> list[str]:
    """As text, of IPv4 addresses."""
    return [".".join(map(str, address)) for address in addresses[:, 12:].tolist()]


def _addresses(batch: FlowBatch, name: str) -> list[bytes]:
    column = getattr(batch.flows, name).tobytes()
    return [column[at : at + 16] for at in range(0, len(column), 16)]
