"""Records to Avro bodies and back. A batch's columns pass as bytes; nothing here loops over flows.

Whatever is wrong with a body raises Unreadable with one sentence. What could not be read is refused on
the way out too, so that a defect shows where it is made.
"""

from __future__ import annotations

from dataclasses import fields
from io import BytesIO
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from schemas.errors import Unreadable
from schemas.records.flow_batch import HEARTBEAT_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns, Loss
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import AddressRange, Ownership, Watermark
from schemas.records.validation import check_batch, check_ip_event, check_ownership, check_watermark
from schemas.wire.batch_reader import read_record
from schemas.wire.column_bytes import FIRST_DTYPES, column_bytes, columns_of, more_bytes, more_columns
from schemas.wire.framing import Framed
from schemas.wire.repeats import Repeats
from schemas.wire.schema_files import Schema, current

Body = bytes | memoryview
_MALFORMED = (EOFError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, SchemaResolutionError)
_LOSS_COUNTS = ("flows", "packets", "bytes", "id")


def encode_batch(batch: FlowBatch, schema: Schema | None = None) -> bytes:
    """The Avro body of one message of weir.flows. Raises Unreadable for a batch that readers would refuse.

    `schema`: a released one, for readers of its time; fields that it lacks are left out. None: the current one.
    """
    check_batch(batch)
    record = {name: getattr(batch, name) for name in _SCALARS}
    record["window_start"] = batch.window_start_us
    record["workloads"] = batch.workloads
    record["flows"] = column_bytes(batch.flows, FIRST_DTYPES)
    record["heartbeats"] = column_bytes(batch.heartbeats, HEARTBEAT_DTYPES)
    record["losses"] = [_loss_record(loss) for loss in batch.losses]
    record["domains"] = batch.domains
    record["more"] = more_bytes(batch.flows)
    return encode_record("FlowBatch", record, schema)


def decode_batch(body: Body, writer: Schema | None = None, repeats: Repeats | None = None) -> FlowBatch:
    """The batch of a body; its columns are read-only. `writer` as framing.unframe gives it; None: the current schema.

    `repeats`: what earlier bodies said; this one's are added.
    """
    read = read_record(memoryview(body), repeats) if _is_current("FlowBatch", writer) else None
    if read is not None:
        record = read.fields
    else:
        record = decode_record("FlowBatch", body, writer)
        rows = record["flows"]["rows"]
        record["flows"] = FlowColumns(**columns_of(FIRST_DTYPES, record["flows"]), **more_columns(record["more"], rows))
        record["heartbeats"] = HeartbeatColumns(**columns_of(HEARTBEAT_DTYPES, record["heartbeats"]))
    batch = FlowBatch(
        **{name: record[name] for name in _SCALARS},
        window_start_us=record["window_start"],
        workloads=tuple(record["workloads"]),
        flows=record["flows"],
        heartbeats=record["heartbeats"],
        losses=tuple(_loss(loss) for loss in record["losses"]),
        domains=tuple(record["domains"]),
    )
    if read is None:
        check_batch(batch)
        return batch
    check_batch(batch, in_shape=True, new_names=read.new_names, repeated=read.repeated)
    if repeats is not None and read.to_repeat is not None:
        repeats.keep(batch.node_id, batch.batch_index, read.to_repeat)
    return batch


def encode_ip_event(event: IpEvent) -> bytes:
    check_ip_event(event)
    return encode_record("IpEvent", _renamed(event))


def decode_ip_event(body: Body, writer: Schema | None = None) -> IpEvent:
    record = decode_record("IpEvent", body, writer)
    event = IpEvent(record["network"], record["ip"], record["workload"], record["assigned"], record["at"])
    check_ip_event(event)
    return event


def encode_ownership(ownership: Ownership) -> bytes:
    check_ownership(ownership)
    ranges = [_renamed(item) for item in ownership.ranges]
    return encode_record("Ownership", {"network": ownership.network, "ip": ownership.ip, "ranges": ranges})


def decode_ownership(body: Body, writer: Schema | None = None) -> Ownership:
    record = decode_record("Ownership", body, writer)
    ranges = tuple(
        AddressRange(r["workload"], r["port"], r["protocol"], r["start"], r["end"], r["source"], r["node_id"]) for r in record["ranges"]
    )
    ownership = Ownership(record["network"], record["ip"], ranges)
    check_ownership(ownership)
    return ownership


def encode_watermark(watermark: Watermark) -> bytes:
    check_watermark(watermark)
    return encode_record("Watermark", _renamed(watermark))


def decode_watermark(body: Body, writer: Schema | None = None) -> Watermark:
    record = decode_record("Watermark", body, writer)
    watermark = Watermark(record["partition"], record["reported_until"], record["read_until"], record["worker"])
    check_watermark(watermark)
    return watermark


def decode_as_written(framed: Framed) -> dict[str, Any]:
    """The fields of a message by the schema it was written with, so that fields of a newer version are there too. Raises Unreadable."""
    return _record(framed.name, framed.body, framed.writer, None)


_SCALARS = (
    *("node_id", "epoch", "seq", "region", "network", "window_seconds", "batch_index", "batch_count"),
    *("zone", "agent_version", "config_version"),
)


def encode_record(name: str, record: dict[str, Any], schema: Schema | None = None) -> bytes:
    """The body of a record by the current schema of this name, or by another version of it. Raises Unreadable."""
    out = BytesIO()
    try:
        schemaless_writer(out, (schema or current(name)).parsed, record)
    except (ValueError, OverflowError, UnicodeEncodeError) as error:
        raise Unreadable(f"A {name} cannot be written: {error}.") from error
    return out.getvalue()


def decode_record(name: str, body: Body, writer: Schema | None) -> dict[str, Any]:
    """The fields of a body by the current schema of this name. Raises Unreadable."""
    reader = current(name)
    if writer is None or _is_current(name, writer):
        return _record(name, body, reader, None)
    return _record(name, body, writer, reader)


def _is_current(name: str, writer: Schema | None) -> bool:
    return writer is None or writer.fingerprint == current(name).fingerprint


def _record(name: str, body: Body, writer: Schema, reader: Schema | None) -> dict[str, Any]:
    source = BytesIO(body)
    try:
        record = schemaless_reader(source, writer.parsed, reader.parsed if reader else None)
    except _MALFORMED as error:
        detail = str(error) or type(error).__name__
        raise Unreadable(f"A {name} of {len(body)} bytes is torn or not of schema {writer.fingerprint.hex()} ({detail}).") from error
    if source.tell() != len(body):
        raise Unreadable(f"A {name} of {len(body)} bytes has {len(body) - source.tell()} bytes after its end; send one record a message.")
    if not isinstance(record, dict):
        raise Unreadable(f"A {name} holds no record.")
    return record


def _loss_record(loss: Loss) -> dict[str, Any]:
    return {**{name: getattr(loss, name) for name in ("stage", "reason", *_LOSS_COUNTS)}, "window_start": loss.window_start_us}


def _loss(record: dict[str, Any]) -> Loss:
    return Loss(record["window_start"], record["stage"], record["reason"], *(record[name] for name in _LOSS_COUNTS))


def _renamed(record: Any) -> dict[str, Any]:
    """The fields of a dataclass, under the schema's names: there an instant's type says its unit."""
    return {f.name.removesuffix("_us"): getattr(record, f.name) for f in fields(record)}
