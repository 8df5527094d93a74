"""A downstream program that adds up weir.attributed: the public consumer, whose rows are read by columns and not made into dicts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import polars as pl

from schemas.topics import ATTRIBUTED_TOPIC
from schemas.wire.framing import Framed, Framer, Registry
from streams.client.attributed_consumer import AttributedConsumer, AttributedMessage
from streams.client.duplicates import DeliveryState, Part
from tests.faults.sent import Counts, Place
from tests.integration.made_recording import SECOND_US
from tests.support.offsets import end_offsets
from tests.support.processes import wait_for

SYNC = bytes(16)
READ_SECONDS = 3_600


class ColumnConsumer(AttributedConsumer):
    """`flows` of its messages are frames."""

    def _decoded(self, partition: int, offset: int, part: Part, value: bytes) -> AttributedMessage:
        start_us, seconds, region, frame = rows_of(self._framer.unframe(value))
        flows: Any = frame
        return AttributedMessage(partition, offset, part, start_us, seconds, region, flows)


def totals(kafka: str, registry: Registry | None, summed: Sequence[str]) -> tuple[dict[Place, Counts], int]:
    """The topic from its beginning: flows and sums by window begin (seconds) and node, and how many messages were left out."""
    repeats, ends = 0, end_offsets(kafka, ATTRIBUTED_TOPIC)
    left = {partition for partition, end in ends.items() if end}
    found: defaultdict[Place, list[int]] = defaultdict(lambda: [0] * (1 + len(summed)))
    with ColumnConsumer({"bootstrap.servers": kafka, "group.id": "the bench"}, lambda _: "", Framer(registry)) as consumer:

        def poll() -> bool:
            nonlocal repeats
            taken = consumer.poll(1)
            for message in taken.messages:
                frame: Any = message.flows
                for node, *sums in frame.group_by("node_id").agg(pl.len(), *(pl.col(name).sum() for name in summed)).iter_rows():
                    into = found[message.window_start_us // SECOND_US, node]
                    into[:] = map(sum, zip(into, sums, strict=True))
            repeats += taken.repeats
            left.difference_update(p for p, state in taken.moved.items() if DeliveryState.from_text(state.after).next_offset == ends[p])
            return not left

        wait_for(poll, READ_SECONDS, "everything to be read downstream", every=0)
    return {place: tuple(sums) for place, sums in found.items()}, repeats


def rows_of(framed: Framed) -> tuple[int, int, str, pl.DataFrame]:
    """Window, its seconds, region and rows of a message."""
    schema, body = json.loads(framed.writer.text), bytes(framed.body)
    assert [field["name"] for field in schema["fields"]] == ["window_start", "window_seconds", "region", "flows"]
    start_us, at = read_long(body, 0)
    seconds, at = read_long(body, at)
    length, at = read_long(body, at)
    region, at = body[at : at + length].decode(), at + length
    rows, at = read_long(body, at)
    assert rows > 0, "one block of rows is expected"
    assert body[-1] == 0, "and nothing behind it"
    return start_us, seconds, region, as_frame(schema["fields"][3]["type"]["items"], rows, body[at:-1])


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Avro's long at this position, and the position behind it."""
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def as_frame(schema: dict[str, Any], rows: int, block: bytes) -> pl.DataFrame:
    """The encoded rows of an array are what a block of a file holds: the file around it is made here."""
    fields = [{"name": field["name"], "type": _plain(field["type"])} for field in schema["fields"]]
    text = json.dumps({"type": "record", "name": schema["name"], "fields": fields})
    entries = text_of("avro.codec") + text_of("null") + text_of("avro.schema") + text_of(text)
    head = b"Obj\x01" + long(2) + entries + long(0) + SYNC
    return pl.read_avro(BytesIO(head + long(rows) + long(len(block)) + block + SYNC))


def _plain(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, dict) and "logicalType" in kind else kind


def long(value: int) -> bytes:
    value, out = (value << 1) ^ (value >> 63), bytearray()  # zigzag
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def text_of(text: str) -> bytes:
    data = text.encode()
    return long(len(data)) + data
