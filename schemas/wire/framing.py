"""Framing: how a message names its writer's schema. The first bytes distinguish two ways.

- Avro's single-object encoding: C3 01, then the schema's CRC-64-AVRO fingerprint in 8 bytes,
  little-endian. Needs no registry; readers know every schema that weir has released.
- Confluent's wire format: 00, then the id that a schema registry gave to the schema, in 4 bytes, big-endian.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from fastavro.schema import SchemaParseException

from schemas.errors import Unreadable
from schemas.wire.schema_files import Schema, current, known

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"


class Framed(NamedTuple):
    """A message taken apart. `body` is Avro written with `writer`, a version of the schema called `name`."""

    name: str
    writer: Schema
    body: memoryview


class Registry(Protocol):
    """As much of a schema registry as framing needs."""

    def register(self, subject: str, schema: str) -> int:
        """The id of the schema under that subject, given to it now or before. Raises Unavailable."""

    def get_schema(self, schema_id: int) -> str | None:
        """The schema's text, None where there is no such id. Raises Unavailable."""


class Framer:
    """Frames with single-object encoding, or with Confluent's format where a registry is given. Reads both, if it can.

    `older`: schemas to write in place of the current ones of their names, for readers that do not know these yet.
    """

    def __init__(self, registry: Registry | None = None, older: Iterable[Schema] = ()) -> None:
        self._registry = registry
        self._older = {schema.name: schema for schema in older}
        self._headers: dict[str, bytes] = {}
        self._by_id: dict[int, Schema] = {}

    def frame(self, name: str, body: bytes) -> bytes:
        """A message of one of schema_files.MESSAGES; `body` is Avro by the schema that `writes` gives. Raises Unavailable (registry)."""
        header = self._headers.get(name)
        if header is None:
            header = self._headers[name] = self._header(self.writes(name))
        return header + body

    def writes(self, name: str) -> Schema:
        """The schema that messages of this name are to be encoded with."""
        return self._older.get(name) or current(name)

    def without_registry(self) -> Framer:
        """One that writes the same schemas in single-object encoding."""
        return Framer(older=self._older.values())

    def unframe(self, message: bytes) -> Framed:
        """Raises Unreadable: no known framing, no such schema. Raises Unavailable (registry)."""
        if message[:2] == SINGLE_OBJECT and len(message) >= 10:
            schema = _by_fingerprint(message[2:10])
            return Framed(schema.name, schema, memoryview(message)[10:])
        if message[:1] == CONFLUENT and len(message) >= 5:
            schema = self._by_schema_id(int.from_bytes(message[1:5], "big"))
            return Framed(schema.name, schema, memoryview(message)[5:])
        raise Unreadable(
            f"A message of {len(message)} bytes that begins with {message[:10].hex(' ') or 'nothing'} is in no known framing;"
            " send Avro's single-object encoding or Confluent's wire format."
        )

    def _header(self, schema: Schema) -> bytes:
        if self._registry is None:
            return SINGLE_OBJECT + schema.fingerprint
        # The record's name, not the topic's: weir.ownership carries two kinds of record.
        schema_id = self._registry.register(f"weir.{schema.name}", schema.text)
        return CONFLUENT + schema_id.to_bytes(4, "big")

    def _by_schema_id(self, schema_id: int) -> Schema:
        schema = self._by_id.get(schema_id)
        if schema is None:
            schema = self._by_id[schema_id] = self._fetch(schema_id)
        return schema

    def _fetch(self, schema_id: int) -> Schema:
        if self._registry is None:
            raise Unreadable(f"A message names schema id {schema_id}, and no schema registry is configured; set its URL.")
        text = self._registry.get_schema(schema_id)
        if text is None:
            raise Unreadable(f"The schema registry knows no schema with id {schema_id}; check that reader and writer use the same one.")
        try:
            return Schema.of(text)
        except (ValueError, SchemaParseException) as error:
            raise Unreadable(f"Schema id {schema_id} of the registry is not an Avro record's schema ({error}).") from error


def _by_fingerprint(fingerprint: bytes) -> Schema:
    schema = known().get(bytes(fingerprint))
    if schema is None:
        raise Unreadable(
            f"A message was written with an unknown schema, fingerprint {fingerprint.hex()};"
            " upgrade the reader to the version of weir that wrote it."
        )
    return schema


_default = Framer()
frame = _default.frame
unframe = _default.unframe
