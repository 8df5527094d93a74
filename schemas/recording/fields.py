"""The fields of a recording's lines: which there are, of what type, and what a missing one means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.addresses import parse_addresses
from schemas.arrays import I64
from schemas.errors import Unreadable
from schemas.instants import parse_instants
from schemas.names import check_names
from schemas.nearest import hint, nearest
from schemas.protocols import parse_protocol
from schemas.records.flow_batch import COUNTER_LIMIT, COUNTERS, FLOW_DTYPES, ROLE_NAMES, FlowColumns
from schemas.records.histogram import BUCKETS, Histogram, histogram_of_lists
from schemas.records.validation import check_instants

WINDOW_FIELDS = ("node_id", "epoch", "window_start", "window_seconds")
"""Every line but an ip_event must have them."""

KINDS = ("flow", "heartbeat", "loss", "ip_event")

PLACE_FIELDS = ("network", "region")

# What weir works out by itself: accepted, so that rows of the table `flows` can be replayed, and ignored.
_DERIVED = (
    *("remote_workload", "remote_source", "remote_reason", "canonical", "topic", "partition", "first_offset"),
    *("remote_zone", "remote_region", "remote_node_id", "remote_service", "registrable_domain"),
)
_LISTS = {"rtt_histogram": "rtt", "connect_histogram": "connect"}
_OPTIONAL_FLOW = (
    *("service_port", "role", "local_workload", "first_seen", "last_seen", "remote_domain", *COUNTERS, *_LISTS),
    *("local_zone", *_DERIVED),
)

_REQUIRED = {
    "flow": (*WINDOW_FIELDS, "local_ip", "remote_ip", "protocol"),
    "heartbeat": (*WINDOW_FIELDS, "addresses"),
    "loss": (*WINDOW_FIELDS, "stage", "reason"),
    "ip_event": ("ip", "event", "at"),
    "address": ("ip", "workload"),
}
_OPTIONAL = {
    "flow": (*PLACE_FIELDS, *_OPTIONAL_FLOW),
    "heartbeat": (*PLACE_FIELDS, "zone", "agent_version", "config_version"),
    "loss": (*PLACE_FIELDS, "flows", "packets", "bytes", "id"),
    "ip_event": (*PLACE_FIELDS, "workload"),
    "address": ("port", "protocol", "start", "end"),
}
_ROLES = {name: number for number, name in enumerate(ROLE_NAMES)}


def check_line(kind: str, present: Sequence[str]) -> None:
    """Raises Unreadable for an unknown kind, and for its fields as check_fields does."""
    if kind not in KINDS:
        raise Unreadable(f"kind {ascii(kind)[:60]} is unknown: {hint(nearest(kind, KINDS), KINDS)}")
    check_fields(kind, present)


def check_fields(kind: str, present: Sequence[str]) -> None:
    """Raises Unreadable for a missing or an unknown field. An unknown one may be a counter misspelt: it is not ignored."""
    for name in _REQUIRED[kind]:
        if name not in present:
            raise Unreadable(f"The field {name} of kind {kind} is missing; add it.")
    known = ("kind", *_REQUIRED[kind], *_OPTIONAL[kind])
    for name in present:
        if name not in known:
            raise Unreadable(f"The field {ascii(name)[:60]} of kind {kind} is unknown: {hint(nearest(name, known), known)}")


def whole(row: Mapping[str, Any], name: str, default: int = 0, limit: int = COUNTER_LIMIT) -> int:
    """One whole number, at least 0 and below the limit. Raises Unreadable."""
    return int(_wholes(name, (row.get(name, default),), limit)[0])


def text(row: Mapping[str, Any], name: str, default: str = "") -> str:
    """One text. Raises Unreadable."""
    value = row.get(name, default)
    _only(name, (value,), str, "a text")
    return str(value)


def flow_columns(
    fields: Mapping[str, Sequence[Any]], rows: int, window_us: tuple[int, int], names: dict[str, int], domains: dict[str, int]
) -> FlowColumns:
    """Columns of `rows` > 0 flows that name the same fields; `fields` holds each field's values.

    `window_us`: start and end. `names` maps workload names to positions, `domains` those of remote ends ("" is 0); both grow.
    Raises Unreadable for the first value found that does not fit.
    """
    columns: dict[str, Any] = {
        "local_ip": parse_addresses(_texts("local_ip", fields)),
        "remote_ip": parse_addresses(_texts("remote_ip", fields)),
        "service_port": _numbers("service_port", fields, rows),
        "protocol": _protocols(fields["protocol"]),
        "role": _roles(fields, rows),
        "first_seen_us": _instants("first_seen", fields, rows, window_us[0]),
        "last_seen_us": _instants("last_seen", fields, rows, window_us[1]),
    }
    check_instants("first_seen", columns["first_seen_us"], "last_seen", columns["last_seen_us"])
    columns.update((name, _numbers(name, fields, rows)) for name in COUNTERS)
    columns.update((to, _histogram(name, fields)) for name, to in _LISTS.items() if name in fields)
    texts = _names("remote_domain", fields, rows)
    # Last, so that a refused row adds no name.
    columns["local_workload"] = _positions(_names("local_workload", fields, rows), names)
    return FlowColumns(remote_domain=_positions(texts, domains), **columns)


def _numbers(name: str, fields: Mapping[str, Sequence[Any]], rows: int) -> NDArray[Any]:
    dtype = FLOW_DTYPES[name]
    if name not in fields:
        return np.zeros(rows, dtype)
    return _wholes(name, fields[name], min(COUNTER_LIMIT, 1 << 8 * dtype.itemsize)).astype(dtype)


def _wholes(name: str, values: Sequence[Any], limit: int) -> I64:
    _only(name, values, int, "a whole number")
    try:
        numbers = np.array(values, np.int64)
    except OverflowError:
        numbers = np.array([-1 if not 0 <= value < COUNTER_LIMIT else value for value in values], np.int64)
    wrong = (numbers < 0) | (numbers > limit - 1)
    if wrong.any():
        raise Unreadable(f"{name} is {values[int(np.argmax(wrong))]}; it must be at least 0 and below {limit}.")
    return numbers


def _only(name: str, values: Sequence[Any], kind: type, called: str) -> None:
    # By type, not by isinstance: JSON's true is no number.
    if set(map(type, values)) != {kind}:
        wrong = next(value for value in values if type(value) is not kind)
        raise Unreadable(f"{name} is {ascii(wrong)[:60]}; it must be {called}.")


def _texts(name: str, fields: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    values: Sequence[str] = fields[name]
    _only(name, values, str, "a text")
    return values


def _protocols(values: Sequence[Any]) -> NDArray[Any]:
    try:
        numbers = {value: parse_protocol(value) for value in set(values)}
    except TypeError:  # not even hashable
        raise Unreadable("protocol is a list or an object; write a name like tcp or udp, or a number from 0 to 255.") from None
    # True equals 1: what is no text and no number is looked for among all.
    for value in values if set(map(type, values)) - {str} else ():
        parse_protocol(value)
    return np.fromiter(map(numbers.__getitem__, values), np.uint8, len(values))


def _roles(fields: Mapping[str, Sequence[Any]], rows: int) -> NDArray[Any]:
    if "role" not in fields:
        return np.zeros(rows, np.uint8)
    values = _texts("role", fields)
    for value in set(values):
        if value not in _ROLES:
            raise Unreadable(f"role is {ascii(value)[:60]}; it must be client, server or unknown.")
    return np.fromiter(map(_ROLES.__getitem__, values), np.uint8, rows)


def _instants(name: str, fields: Mapping[str, Sequence[Any]], rows: int, default_us: int) -> I64:
    if name not in fields:
        return np.full(rows, default_us, np.int64)
    return parse_instants(_texts(name, fields))


def _names(name: str, fields: Mapping[str, Sequence[Any]], rows: int) -> Sequence[str]:
    if name not in fields:
        return ("",) * rows
    values = _texts(name, fields)
    check_names(name, set(values))
    return values


def _positions(values: Sequence[str], known: dict[str, int]) -> NDArray[Any]:
    for text in sorted(set(values).difference(known)):
        known[text] = len(known)
    return np.fromiter(map(known.__getitem__, values), np.uint32, len(values))


def _histogram(name: str, fields: Mapping[str, Sequence[Any]]) -> Histogram:
    lists = fields[name]
    _only(name, lists, list, "a list of whole numbers")
    longest = max(lists, key=len)
    if len(longest) > BUCKETS:
        raise Unreadable(f"{name} has {len(longest)} numbers; there are {BUCKETS} buckets.")
    if samples := [number for one in lists for number in one]:
        _wholes(name, samples, 1 << 32)
    return histogram_of_lists(lists)
