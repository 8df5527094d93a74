"""Values by their ClickHouse type's whole tree, from what Arrow holds and from what clickhouse-driver gives."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sinks.engines.types import WIDE, Type

Convert = Callable[[Any], Any]


def converter(kind: Type, zone: str = "UTC") -> Convert:
    """From a value of that type, or None, to what `types.arrow_field` takes. Twice is as good as once.

    `zone`: of instants that name none and come without one, as clickhouse-driver's.
    """
    inner = _converter(kind, zone)
    return lambda value: None if value is None else inner(value)


def _converter(kind: Type, zone: str) -> Convert:
    parts = [converter(part, zone) for part in kind.inner]
    if kind.name == "Array":
        return lambda value: [parts[0](item) for item in value]
    if kind.name == "Map":
        return lambda value: [(parts[0](key), parts[1](item)) for key, item in (value.items() if isinstance(value, dict) else value)]
    if kind.name == "Tuple":
        return lambda value: _tuple(value, kind.names, parts)
    if kind.name in WIDE:
        return lambda value: _wide(value, signed=kind.name.startswith("Int"))
    if kind.name.startswith("Enum"):
        members = kind.members
        return lambda value: members.get(value, str(value)) if isinstance(value, int) else text(value)
    if kind.name.startswith("DateTime"):
        local = ZoneInfo(kind.zone or zone)
        return lambda value: _instant(value, local)
    return _SIMPLE.get(kind.name, lambda value: value)


def text(value: Any) -> str:
    """Text; bytes that are not UTF-8 are shown as \\xff."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _tuple(value: Any, names: tuple[str, ...], parts: list[Convert]) -> dict[str, Any]:
    values = value.values() if isinstance(value, dict) else value
    return {name: part(item) for name, part, item in zip(names, parts, values, strict=True)}


def _wide(value: Any, *, signed: bool) -> str:
    return str(int.from_bytes(value, "little", signed=signed) if isinstance(value, bytes) else value)


def _instant(value: Any, zone: tzinfo) -> datetime:
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    local: datetime = value if value.tzinfo else value.replace(tzinfo=zone)
    return local.astimezone(UTC)


def _ipv6(value: Any) -> str:
    packed = value if isinstance(value, bytes) else getattr(value, "packed", None)
    return str(value) if packed is None else socket.inet_ntop(socket.AF_INET6, packed)


def _ipv4(value: Any) -> str:
    return str(value if isinstance(value, str) else IPv4Address(value))


def _uuid(value: Any) -> str:
    return str(UUID(bytes=value) if isinstance(value, bytes) else value)


def _bfloat16(value: Any) -> float:
    return float(struct.unpack("<f", b"\0\0" + value)[0] if isinstance(value, bytes) else value)


_SIMPLE: dict[str, Convert] = {
    "String": text,
    "FixedString": lambda value: text(value).rstrip("\0"),
    "IPv6": _ipv6,
    "IPv4": _ipv4,
    "UUID": _uuid,
    "BFloat16": _bfloat16,
}
