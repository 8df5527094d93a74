"""Both framings, told apart by their first byte; what has none of them, or an unknown schema, is refused by name."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader

from schemas.errors import Unreadable
from schemas.wire.codec import decode_batch, encode_batch
from schemas.wire.framing import Framer, frame, unframe
from schemas.wire.schema_files import MESSAGES, Schema, current
from tests.schemas.registry import InMemoryRegistry
from tests.schemas.samples import assert_same_batch, sample_batch


def test_the_fingerprint_is_the_one_of_avros_specification() -> None:
    """Of the schema "int", in the test data that the Avro project ships: 7275d51a3f395c8f, here little-endian."""
    from fastavro.schema import fingerprint

    assert bytes.fromhex(fingerprint('"int"', "CRC-64-AVRO"))[::-1].hex() == "7275d51a3f395c8f"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_single_object_message_begins_with_marker_and_fingerprint(name: str) -> None:
    message = frame(name, b"body")
    assert message == b"\xc3\x01" + current(name).fingerprint + b"body"
    assert len(current(name).fingerprint) == 8
    framed = unframe(message)
    assert (framed.name, framed.writer.name, bytes(framed.body)) == (name, name, b"body")


def test_a_confluent_message_begins_with_zero_and_id() -> None:
    registry = InMemoryRegistry()
    message = Framer(registry).frame("FlowBatch", b"body")
    schema_id = registry.subjects["weir.FlowBatch"]
    assert message == b"\0" + schema_id.to_bytes(4, "big") + b"body"
    framed = Framer(registry).unframe(message)
    assert (framed.name, bytes(framed.body)) == ("FlowBatch", b"body")


def test_a_registry_is_asked_once_a_schema() -> None:
    registry = InMemoryRegistry()
    framer = Framer(registry)
    for _ in range(3):
        framer.unframe(framer.frame("FlowBatch", b""))
    assert registry.calls == 2


def test_a_registry_gets_the_schema_with_its_docs_and_instants() -> None:
    registry = InMemoryRegistry()
    Framer(registry).frame("AttributedFlows", b"")
    assert "timestamp-micros" in registry.schemas[registry.subjects["weir.AttributedFlows"]]


@pytest.mark.parametrize("writer", [Framer(), Framer(InMemoryRegistry())])
def test_a_batch_travels(writer: Framer) -> None:
    framed = writer.unframe(writer.frame("FlowBatch", encode_batch(sample_batch())))
    assert_same_batch(decode_batch(framed.body, framed.writer), sample_batch())


def test_a_reader_with_a_registry_reads_single_objects_too() -> None:
    assert Framer(InMemoryRegistry()).unframe(frame("IpEvent", b"x")).name == "IpEvent"


def test_an_unknown_fingerprint_is_named() -> None:
    with pytest.raises(Unreadable, match="unknown schema, fingerprint 0102030405060708"):
        unframe(b"\xc3\x01" + bytes(range(1, 9)) + b"x")


def test_an_unknown_schema_id_is_named() -> None:
    with pytest.raises(Unreadable, match="no schema with id 77"):
        Framer(InMemoryRegistry()).unframe(b"\0" + (77).to_bytes(4, "big") + b"x")


def test_a_schema_id_without_a_registry_is_named() -> None:
    with pytest.raises(Unreadable, match="schema id 77, and no schema registry"):
        unframe(b"\0" + (77).to_bytes(4, "big") + b"x")


@pytest.mark.parametrize("text", ["[", '"int"', "{}", '{"type": "record", "name": "X", "fields": [{"name": "a", "type": "nope"}]}'])
def test_a_registrys_nonsense_is_refused(text: str) -> None:
    registry = InMemoryRegistry()
    registry.schemas[5] = text
    with pytest.raises(Unreadable, match="Schema id 5"):
        Framer(registry).unframe(b"\0\0\0\0\5x")


@pytest.mark.parametrize("message", [b"", b"\xc3", b"\xc3\x01\0\0", b"\0\0\0", b"{}", b"\xc3\x02" + bytes(20)])
def test_no_framing_is_refused(message: bytes) -> None:
    with pytest.raises(Unreadable, match=f"{len(message)} bytes"):
        unframe(message)


def test_another_records_schema_is_resolved_or_refused_but_never_misread() -> None:
    with pytest.raises(Unreadable):
        decode_batch(b"\0" * 40, Schema.of('{"type": "record", "name": "Other", "fields": [{"name": "a", "type": "int"}]}'))


def test_the_body_is_plain_avro() -> None:
    body = unframe(frame("FlowBatch", encode_batch(replace(sample_batch(), node_id="n9")))).body
    record: Any = schemaless_reader(BytesIO(body), current("FlowBatch").parsed, None)
    assert record["node_id"] == "n9"
