"""The schema files: found as package data, parsed once, known by name and by fingerprint.

weir reads instants as integers of microseconds, so what is parsed here has its logical types taken
out. They are annotations: neither the encoding nor the fingerprint knows them.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

MESSAGES = (
    *("FlowBatch", "IpEvent", "Ownership", "OwnershipChanges", "OwnershipLeases", "NodePlace", "Watermark", "AttributedFlows"),
    *("ServiceAddress", "WatcherWatermark", "WorkloadState", "NodeLabels", "Finding", "FindingsCheckpoint"),
)
"""Names of the records that travel as messages: one file each."""


@dataclass(frozen=True, eq=False)
class Schema:
    """One version of one message's schema."""

    name: str
    text: str  # the file, with docs and logical types: what a registry is given
    fingerprint: bytes  # CRC-64-AVRO of the parsing canonical form, 8 bytes, little-endian
    parsed: Any  # for fastavro; without logical types

    @classmethod
    def of(cls, text: str) -> Schema:
        """Raises ValueError, or fastavro's SchemaParseException, when the text is no record's schema."""
        raw = json.loads(text)
        if not isinstance(raw, dict) or "name" not in raw:
            raise ValueError("not a record's schema")
        canonical = to_parsing_canonical_form(raw)
        parsed = parse_schema(_without_logical_types(raw))
        return cls(str(raw["name"]).rpartition(".")[2], text, bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO")), parsed)


@cache
def current(name: str) -> Schema:
    """The schema that this version of weir writes; `name` is one of MESSAGES."""
    data = pkgutil.get_data("schemas", f"{name}.avsc")  # as importlib.resources does it, without the two megabytes that it brings
    if data is None:
        raise ValueError(f"{name} is no message of weir's")
    return Schema.of(data.decode())


@cache
def released(name: str, version: int) -> Schema:
    """The schema as schemas/released/v<version> has it: what readers of that time know."""
    data = pkgutil.get_data("schemas", f"released/v{version}/{name}.avsc")
    if data is None:
        raise ValueError(f"version {version} released no {name}")
    return Schema.of(data.decode())


@cache
def known() -> dict[bytes, Schema]:
    """Every schema that weir has ever written and still reads, by fingerprint."""
    schemas = [Schema.of(text) for _, text in released_files()]
    schemas += [current(name) for name in MESSAGES]
    return {schema.fingerprint: schema for schema in schemas}


def released_files() -> Iterator[tuple[str, str]]:
    """("v1/FlowBatch.avsc", text) of every schema file of every released version."""
    from importlib.resources import files

    for version in _sorted(files("schemas").joinpath("released")):
        for file in _sorted(version):
            if file.name.endswith(".avsc"):
                yield f"{version.name}/{file.name}", file.read_text(encoding="utf-8")


def _sorted(folder: Traversable) -> list[Traversable]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(entries, key=lambda entry: entry.name)


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    return node
