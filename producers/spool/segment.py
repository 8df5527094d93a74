"""A window as it lies in the spool: one file, a head with totals, then its batches as checksummed records.

    head     "WSEG1\\n"  length u32  crc u32  JSON
    record   length u32  crc u32  seq u64  flows u64  packets u64  bytes u64  message     (the crc covers all after it)

Little-endian throughout. A file that was cut anywhere yields the whole records before the cut, and its head
tells what is missing.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from schemas.records.flow_batch import Loss

_MAGIC = b"WSEG1\n"
_PREFIX = struct.Struct("<II")
_COUNTS = struct.Struct("<QQQQ")


@dataclass(frozen=True)
class Record:
    """One batch, framed and ready for Kafka, with what would be lost with it."""

    seq: int
    flows: int
    packets: int
    traffic_bytes: int
    message: bytes


@dataclass(frozen=True)
class Head:
    """`losses` travel in the records, and would be lost with them. `replaces`: first seqs of segments that this one supersedes.

    `account` is the probe's account of losses up to which this segment reports them.
    """

    window_start_us: int
    first_seq: int
    records: int
    flows: int
    packets: int
    traffic_bytes: int
    losses: tuple[Loss, ...] = ()
    replaces: tuple[int, ...] = ()
    account: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    head: Head
    records: tuple[Record, ...]

    @property
    def missing(self) -> Loss | None:
        """What was cut off; None when the segment is whole."""
        if len(self.records) == self.head.records:
            return None
        return Loss(
            self.head.window_start_us,
            "spool",
            "torn",
            self.head.flows - sum(r.flows for r in self.records),
            self.head.packets - sum(r.packets for r in self.records),
            self.head.traffic_bytes - sum(r.traffic_bytes for r in self.records),
            self.head.first_seq,
        )


def make_segment(
    window_start_us: int,
    records: tuple[Record, ...],
    losses: tuple[Loss, ...] = (),
    replaces: tuple[int, ...] = (),
    account: Mapping[str, tuple[int, int]] | None = None,
) -> Segment:
    totals = (sum(r.flows for r in records), sum(r.packets for r in records), sum(r.traffic_bytes for r in records))
    return Segment(Head(window_start_us, records[0].seq, len(records), *totals, losses, replaces, account or {}), records)


def packed_size(segment: Segment) -> int:
    """Bytes that `pack` would return, without packing the records."""
    records = sum(_PREFIX.size + _COUNTS.size + len(record.message) for record in segment.records)
    return len(_MAGIC) + _PREFIX.size + len(_head_json(segment.head)) + records


def pack(segment: Segment) -> bytes:
    body = _head_json(segment.head)
    parts = [_MAGIC, _PREFIX.pack(len(body), zlib.crc32(body)), body]
    for record in segment.records:
        counts = _COUNTS.pack(record.seq, record.flows, record.packets, record.traffic_bytes)
        parts += [_PREFIX.pack(len(record.message), zlib.crc32(record.message, zlib.crc32(counts))), counts, record.message]
    return b"".join(parts)


def _head_json(head: Head) -> bytes:
    return json.dumps(asdict(head), separators=(",", ":")).encode()


def unpack(data: bytes) -> Segment | None:
    """The segment with the records that are whole, up to the first that is not; None when not even the head is."""
    start = len(_MAGIC) + _PREFIX.size
    if len(data) < start or not data.startswith(_MAGIC):
        return None
    length, checksum = _PREFIX.unpack_from(data, len(_MAGIC))
    body = data[start : start + length]
    if len(body) < length or zlib.crc32(body) != checksum:
        return None
    head = _head(json.loads(body))
    return Segment(head, tuple(_records(data, start + length, head.records)))


def _head(document: dict[str, Any]) -> Head:
    losses = tuple(Loss(**loss) for loss in document.pop("losses"))
    account = {reason: (packets, size) for reason, (packets, size) in document.pop("account").items()}
    return Head(**{**document, "replaces": tuple(document["replaces"])}, losses=losses, account=account)


def _records(data: bytes, at: int, count: int) -> Iterator[Record]:
    for _ in range(count):
        begin = at + _PREFIX.size + _COUNTS.size
        if begin > len(data):
            return
        length, checksum = _PREFIX.unpack_from(data, at)
        message = data[begin : begin + length]
        if len(message) < length or zlib.crc32(message, zlib.crc32(data[at + _PREFIX.size : begin])) != checksum:
            return
        seq, flows, packets, traffic_bytes = _COUNTS.unpack_from(data, at + _PREFIX.size)
        yield Record(seq, flows, packets, traffic_bytes, message)
        at = begin + length
