"""ClickHouse's names of types, taken apart: `Array(Tuple(a IPv6, b DateTime('UTC')))`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

WIDE_MARK = {b"weir": b"integer"}
"""The metadata of a field that holds integers of 128 or 256 bits as text: Arrow has none of that width."""
WIDE = {"Int128": 16, "UInt128": 16, "Int256": 32, "UInt256": 32}
"""Their sizes in bytes."""
_WRAPPERS = ("Nullable", "LowCardinality")
_FORM = re.compile(r"(\w+)(?:\((.*)\))?$", re.DOTALL)
_ELEMENT = re.compile(r"(`(?:[^`\\]|\\.)*`|\w+) +(?=\w)(.*)$", re.DOTALL)
_PIECE = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+", re.DOTALL)
_MEMBER = re.compile(r"'((?:[^'\\]|\\.|'')*)' *= *(-?\d+)", re.DOTALL)
SAME = {
    **{f"UInt{bits}": pa.type_for_alias(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": pa.type_for_alias(f"int{bits}") for bits in (8, 16, 32, 64)},
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "BFloat16": pa.float32(),
    "Bool": pa.bool_(),
    "Date": pa.date32(),
    "Date32": pa.date32(),
}
"""Types that Arrow has, too."""
_AS_TEXT = ("String", "FixedString", "IPv4", "IPv6", "UUID", "Enum8", "Enum16", *WIDE)


@dataclass(frozen=True)
class Type:
    """A type without Nullable, LowCardinality and SimpleAggregateFunction, which do not change its values."""

    name: str
    inner: tuple[Type, ...] = ()
    """Of Array, Map, Tuple."""
    names: tuple[str, ...] = ()
    """Of a tuple's elements; "1", "2", ... where it gives none."""
    arguments: tuple[str, ...] = ()
    """Of all others, as they were written."""

    @property
    def zone(self) -> str | None:
        return next((text.strip("'") for text in self.arguments if text.startswith("'")), None)

    @property
    def members(self) -> dict[int, str]:
        """Of an Enum: names by number."""
        found = _MEMBER.findall(", ".join(self.arguments))
        return {int(number): re.sub(r"\\(.)", r"\1", name.replace("''", "'")) for name, number in found}


@lru_cache(4096)
def parse_type(text: str) -> Type:
    """Any text: what is not known becomes a Type of that name."""
    match = _FORM.match(text.strip())
    if match is None:
        return Type(text)
    name, arguments = match.group(1), tuple(_arguments(match.group(2) or ""))
    if name in _WRAPPERS and arguments:
        return parse_type(arguments[0])
    if name == "SimpleAggregateFunction":
        return parse_type(arguments[-1])
    if name in ("Array", "Map"):
        return Type(name, tuple(parse_type(part) for part in arguments))
    if name == "Tuple":
        return _tuple(arguments)
    if name == "Nested":
        return Type("Array", (_tuple(arguments),))
    return Type(name, arguments=arguments)


def arrow_field(name: str, kind: Type) -> pa.Field:
    """How a column, or a part of one, of that type is shown: instants in UTC, addresses, enums and wide integers as text."""
    return pa.field(name, _arrow_type(kind), metadata=WIDE_MARK if kind.name in WIDE else None)


def is_known(kind: Type) -> bool:
    """Whether `arrow_field` has a place for it and for all of its parts."""
    return all(map(is_known, kind.inner)) and (
        kind.name in (*SAME, *_AS_TEXT, "Array", "Map", "Tuple", "DateTime", "DateTime64", "Nothing") or kind.name.startswith("Decimal")
    )


def _arrow_type(kind: Type) -> pa.DataType:
    if kind.name == "Array":
        return pa.list_(arrow_field("item", kind.inner[0]))
    if kind.name == "Map":
        key = arrow_field("key", kind.inner[0])
        return pa.map_(key.with_nullable(False), arrow_field("value", kind.inner[1]))
    if kind.name == "Tuple":
        return pa.struct([arrow_field(name, part) for name, part in zip(kind.names, kind.inner, strict=True)])
    if kind.name.startswith("Decimal"):
        return _decimal(kind)
    if kind.name.startswith("DateTime"):
        return pa.timestamp(_unit(kind), tz="UTC")
    return pa.null() if kind.name == "Nothing" else SAME.get(kind.name, pa.string())


def _unit(kind: Type) -> str:
    precision = int(kind.arguments[0]) if kind.name == "DateTime64" else 0
    return "s" if precision == 0 else "ms" if precision <= 3 else "us"


def _decimal(kind: Type) -> pa.DataType:
    precision, scale = (int(text) for text in kind.arguments[:2])
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _tuple(arguments: tuple[str, ...]) -> Type:
    names, parts = [], []
    for number, text in enumerate(arguments, 1):
        element = _ELEMENT.match(text)
        names.append(element.group(1).strip("`") if element else str(number))
        parts.append(parse_type(element.group(2) if element else text))
    return Type("Tuple", tuple(parts), tuple(names))


def _arguments(text: str) -> list[str]:
    """Split at the commas that stand in no parentheses and no quotes."""
    parts, depth = [""], 0
    for piece in _PIECE.findall(text):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]
