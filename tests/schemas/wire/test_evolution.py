"""Every released schema stays as it was released, and what was written with it stays readable."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.wire.codec import decode_batch, encode_batch
from schemas.wire.framing import unframe
from schemas.wire.schema_files import MESSAGES, Schema, current, known, released_files
from tests.schemas.samples import assert_same_batch, sample_batch

RELEASED = dict(released_files())

HASHES: dict[str, str] = {
    "v1/AttributedFlows.avsc": "67854b0e05830335370af72e43f98c80a601509818bb760fa161f68d86e24424",
    "v1/FlowBatch.avsc": "4468907466530c7db1dba0ba25ba1e07b6b62fd457dd6ad0e73ff70e4bc506f9",
    "v1/IpEvent.avsc": "6da15af8e407dc863911f656bbd99b9011c22cfa8a6f503d369c2216db054c36",
    "v1/Ownership.avsc": "653e504a3b14ae4cca49c7304c062460f8f6c6c36e14aea5e8e40c0a1403e553",
    "v1/Watermark.avsc": "848eab65fb5f0fedd6f0c3a42b15f3a2301122b6608e4259fb259b48dfb77ff3",
    "v2/AttributedFlows.avsc": "e7460ae8b203c56fff84d3696b5178efbcd0a2c1639bc4693dc4d321fd711b18",
    "v3/OwnershipChanges.avsc": "70c875ba481800b65b4ad37d09020ec9c375b98a501af4694e4748dcf5f38ea8",
    "v3/OwnershipLeases.avsc": "88b265a3af59972f550d9f481fa977add8dac8b10c152284b5e5ba239521674e",
    "v4/AttributedFlows.avsc": "af5ca8dc508e543abfb42d67aed6924fad2b5528efe80e1caadbc8d6745ab7db",
    "v4/FlowBatch.avsc": "cc07bf05e60ab6110b22306a7abdefff4bd25ee149a703dfd8aeaa38fa11dcfd",
    "v4/NodePlace.avsc": "129ec68b5d6ecb16e10435d75a147b7ee3c4273468dad05ef26b91532e0bef31",
    "v5/NodeLabels.avsc": "13a9abdaf24d9c8341ada3f0bfdd87f5ffbfd406a5816a2dc77aac648a0daa09",
    "v5/ServiceAddress.avsc": "e9ce5829ddf87b6aa702d703e482e6639da104bdebd168b4af7d81fa60877cfb",
    "v5/WatcherWatermark.avsc": "b0112ae2edf382b0578b5d8f8dd6e1f45bb50af17507e12a15bfa8d745b13c4a",
    "v5/WorkloadState.avsc": "eb005a78859a1cacf662390f9c4993c44eea246950f5054a06b10c56c16147da",
    "v6/Finding.avsc": "f95faded4fe6f474b3c69649c937f9457026231beca190ebaa0ff8ed454bb457",
    "v6/FindingsCheckpoint.avsc": "84653c6edaa4d606254f6f35eb6e72793fc4a61ba7515b8fb8173f4b5022b768",
}
"""SHA-256 of every released file. A new version adds lines here; no line ever changes."""


def test_released_files_are_as_they_were_released() -> None:
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in RELEASED.items()} == HASHES


def test_what_is_written_now_is_released() -> None:
    """A change of a schema goes with a new folder in schemas/released, or readers of this version would not know it."""
    released = {Schema.of(text).fingerprint for text in RELEASED.values()}
    assert {current(name).fingerprint for name in MESSAGES} <= released


def values_of(schema: Any, named: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    """Any value that a schema allows, of the kinds of types that weir's schemas use. `named`: records that stand before."""
    named = {} if named is None else named
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        named[schema["name"]] = schema
        return st.fixed_dictionaries({field["name"]: values_of(field["type"], named) for field in schema["fields"]})
    if kind == "array":
        return st.lists(values_of(schema["items"], named), max_size=3)
    if kind == "map":
        return st.dictionaries(st.text(max_size=10), values_of(schema["values"], named), max_size=3)
    if kind == "fixed":
        return st.binary(min_size=schema["size"], max_size=schema["size"])
    if isinstance(kind, dict):
        return values_of(kind, named)
    if kind in named:
        return values_of(named[kind], named)
    return {
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "string": st.text(max_size=20),
        "bytes": st.binary(max_size=20),
        "boolean": st.booleans(),
    }[kind]


@pytest.mark.parametrize("name", sorted(RELEASED))
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_current_schema_reads_released_data(name: str, data: st.DataObject) -> None:
    writer = Schema.of(RELEASED[name])
    value = data.draw(values_of(json.loads(RELEASED[name])))
    out = BytesIO()
    schemaless_writer(out, writer.parsed, value)
    read: Any = schemaless_reader(BytesIO(out.getvalue()), writer.parsed, current(writer.name).parsed)
    assert _common(read, value) == _common(value, read)


def _common(one: Any, other: Any) -> Any:
    """What `one` says in the fields that both have, at any depth: a later version adds fields with defaults."""
    if isinstance(one, dict):
        return {key: _common(one[key], other[key]) for key in one if key in other}
    if isinstance(one, list):
        return [_common(*pair) for pair in zip(one, other, strict=True)]
    return one


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_released_schemas_are_known_by_fingerprint(name: str) -> None:
    schema = Schema.of(RELEASED[name])
    assert known()[schema.fingerprint].name == schema.name
    assert unframe(b"\xc3\x01" + schema.fingerprint).name == schema.name


def _later(change: Any) -> Schema:
    """FlowBatch as a later version might have it."""
    raw = json.loads(current("FlowBatch").text)
    change(raw["fields"])
    return Schema.of(json.dumps(raw))


def _written(schema: Schema, **extra: Any) -> bytes:
    record: Any = schemaless_reader(BytesIO(encode_batch(sample_batch())), current("FlowBatch").parsed, None)
    out = BytesIO()
    schemaless_writer(out, schema.parsed, {**record, **extra})
    return out.getvalue()


def test_a_later_versions_new_field_is_passed_over() -> None:
    later = _later(lambda fields: fields.insert(3, {"name": "rack", "type": "string"}))
    assert later.fingerprint != current("FlowBatch").fingerprint
    assert_same_batch(decode_batch(_written(later, rack="r1"), later), sample_batch())


def test_a_versions_missing_field_without_default_is_refused() -> None:
    other = _later(lambda fields: fields.pop(0))
    with pytest.raises(Unreadable, match="node_id"):
        decode_batch(_written(other), other)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_field_says_what_it_is(name: str) -> None:
    def undocumented(node: Any) -> list[str]:
        if isinstance(node, list):
            return [name for item in node for name in undocumented(item)]
        if not isinstance(node, dict):
            return []
        own = [node["name"]] if "fields" in node and not node.get("doc") else []
        own += [field["name"] for field in node.get("fields", ()) if not field.get("doc")]
        return own + [name for value in node.values() for name in undocumented(value)]

    raw = json.loads(current(name).text)
    assert parse_schema(raw)
    assert not undocumented(raw)
