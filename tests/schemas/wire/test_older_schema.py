"""Batches written as an older version wrote them, for readers that do not know newer schemas: the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import load_schema
from hypothesis import given, settings

from producers.capture.encode import BatchEncoder
from schemas.errors import Unavailable
from schemas.records.flow_batch import FlowBatch
from schemas.records.histogram import empty_histogram
from schemas.wire.codec import decode_batch, encode_batch
from schemas.wire.framing import Framer, unframe
from schemas.wire.schema_files import current, released
from tests.schemas.registry import InMemoryRegistry
from tests.schemas.samples import assert_same_batch, sample_batch
from tests.schemas.strategies import batches
from tests.support.processes import ROOT

V1 = released("FlowBatch", 1)
WRITTEN_BEFORE = "16055d26d7ce6068bdaa06702e7ba0427847472946b7d7498b6cdc5e20ce93e6"
"""SHA-256 of the message that the last version with this schema made of sample_batch(), less what that version did not know."""


def as_before(batch: FlowBatch) -> FlowBatch:
    """The batch without what the first schema has no place for."""
    flows = batch.flows
    nothing: dict[str, Any] = {name: flows.remote_domain * 0 for name in ("connections_refused", "connections_timed_out", "remote_domain")}
    flows = replace(flows, **nothing, rtt=empty_histogram(), connect=empty_histogram())
    return replace(batch, flows=flows, zone="", agent_version="", config_version="", domains=())


def test_the_bytes_are_those_of_the_version_before() -> None:
    message = Framer(older=(V1,)).frame("FlowBatch", encode_batch(sample_batch(), V1))
    assert hashlib.sha256(message).hexdigest() == WRITTEN_BEFORE


def test_the_first_schema_alone_reads_them() -> None:
    """By its file and an Avro library, without anything of weir's."""
    schema = parse_schema(load_schema(str(Path(ROOT / "schemas" / "released" / "v1" / "FlowBatch.avsc"))))
    body = BytesIO(encode_batch(sample_batch(), V1))
    read: Any = schemaless_reader(body, schema, None)
    assert not body.read()
    assert (read["node_id"], read["flows"]["rows"], read["workloads"]) == ("n1", 3, ["checkout", "node/n1"])
    assert "zone" not in read and "more" not in read


@given(batches())
@settings(deadline=None)
def test_all_that_the_first_schema_has_a_place_for_arrives(batch: FlowBatch) -> None:
    framed = unframe(Framer(older=(V1,)).frame("FlowBatch", encode_batch(batch, V1)))
    assert framed.writer.fingerprint == V1.fingerprint != current("FlowBatch").fingerprint
    assert_same_batch(decode_batch(framed.body, framed.writer), as_before(batch))


def test_a_registry_is_given_the_older_schema_and_other_records_keep_theirs() -> None:
    registry = InMemoryRegistry()
    framer = Framer(registry, (V1,))
    framer.frame("FlowBatch", b"")
    framer.frame("IpEvent", b"")
    assert registry.schemas[registry.subjects["weir.FlowBatch"]] == V1.text
    assert registry.schemas[registry.subjects["weir.IpEvent"]] == current("IpEvent").text


@pytest.mark.parametrize("registry", [None, InMemoryRegistry()])
@pytest.mark.parametrize("older", [(), (V1,)])
def test_agents_write_what_they_are_told(registry: InMemoryRegistry | None, older: tuple[Any, ...]) -> None:
    (record,) = BatchEncoder(Framer(registry, older)).pack((sample_batch(),))
    framed = Framer(registry).unframe(record.message)
    assert_same_batch(decode_batch(framed.body, framed.writer), as_before(sample_batch()) if older else sample_batch())


def test_without_the_registry_it_is_the_older_schema_still() -> None:
    class Away(InMemoryRegistry):
        def register(self, subject: str, schema: str) -> int:
            raise Unavailable("away")

    (record,) = BatchEncoder(Framer(Away(), (V1,))).pack((sample_batch(),))
    assert hashlib.sha256(record.message).hexdigest() == WRITTEN_BEFORE


def test_a_version_that_released_none_is_an_error() -> None:
    with pytest.raises((ValueError, FileNotFoundError)):
        released("FlowBatch", 2)
