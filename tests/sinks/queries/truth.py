"""What a question over flows must answer, added up in Python from the raw rows: no SQL, no rollup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any

from schemas.addresses import parse_address
from schemas.errors import Unreadable
from schemas.records.histogram import quantile_us
from sinks.base import Sink
from sinks.filter.rows import matches
from sinks.filter.sql import split
from sinks.filter.tree import Node
from sinks.queries.namespaces import namespace_of
from sinks.queries.spans import Span

Row = dict[str, Any]

TURNED = ("bytes", "packets", "payload_bytes")
HISTOGRAMS = ("rtt_histogram", "connect_histogram")
PLAIN = (
    "connections_opened", "connections_closed", "connections_failed", "connections_refused", "connections_timed_out", "connections_reset",
    "retransmits", "rtt_us_sum", "rtt_count",
)  # fmt: skip
SUMS = (*(f"{name}_{way}" for name in TURNED for way in ("sent", "received")), *PLAIN, "flows")


def all_rows(sink: Sink) -> list[Row]:
    """Every flow as client and server, in the words of a filter."""
    return [_turned(row) for row in sink.query("SELECT *, toUnixTimestamp(window_start) AS at FROM weir.flows").to_pylist()]


def _turned(row: Row) -> Row:
    server = row["role"] == "server"
    here, there = ("server", "client") if server else ("client", "server")
    found = {name: row[name] for name in ("at", "network", "protocol", "service_port", "role", *PLAIN, *HISTOGRAMS, "rtt_us_max")}
    found |= {"node": row["node_id"], "source": row["remote_source"], "reason": row["remote_reason"], "flows": 1}
    found |= {"canonical": "yes" if row["canonical"] else "no"}
    found |= {here: row["local_workload"], there: row["remote_workload"], f"{here}_ip": row["local_ip"], f"{there}_ip": row["remote_ip"]}
    found |= {f"{here}_zone": row["local_zone"], f"{there}_zone": row["remote_zone"]}
    found |= {f"{here}_region": row["region"], f"{there}_region": row["remote_region"]}
    found |= {"service": "" if server else row["remote_service"], "domain": "" if server else row["registrable_domain"]}
    for name in TURNED:
        ways = ("received", "sent") if server else ("sent", "received")
        found |= {f"{name}_sent": row[f"{name}_{ways[0]}"], f"{name}_received": row[f"{name}_{ways[1]}"]}
    return found | {f"{end}_namespace": namespace_of(found[end]) for end in ("client", "server")}


def added(rows: Iterable[Row]) -> Row:
    """Base sums, and the metrics that follow from them."""
    held = list(rows)
    found: Row = {name: sum(row[name] for row in held) for name in SUMS}
    found["rtt_us_max"] = max((row["rtt_us_max"] for row in held), default=0)
    for name in HISTOGRAMS:
        found[name] = [sum(counts) for counts in zip_longest(*(row[name] for row in held), fillvalue=0)]
        for percent in (50, 95, 99):
            samples = found[name]
            value = quantile_us(samples, percent / 100) if sum(samples) else None
            found[f"{name.removesuffix('_histogram')}_us_p{percent}"] = value
    found |= {name: found[f"{name}_sent"] + found[f"{name}_received"] for name in ("bytes", "packets")}
    found["rtt_us"] = found["rtt_us_sum"] / found["rtt_count"] if found["rtt_count"] else None
    return found


def groups(rows: Iterable[Row], span: Span, by: tuple[str, ...], where: Node | None, view: str) -> Mapping[tuple[Any, ...], list[Row]]:
    """The rows of each group that the filter lets through, by its sums as well."""
    parts = split(where)
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        seen = view == "both" or row["canonical"] == "yes"
        if seen and span.start_s <= row["at"] < span.end_s and matches(parts.where, row):
            found.setdefault(tuple(row[name] for name in by), []).append(row)
    return {key: held for key, held in found.items() if matches(parts.having, added(held))}


def ranked(found: Mapping[tuple[Any, ...], list[Row]], largest: Callable[[tuple[Any, ...]], Any]) -> list[tuple[Any, ...]]:
    """The keys, the largest first; nothing is the smallest, and equals are in the order of their keys, byte by byte."""
    keys = sorted(found, key=lambda key: tuple(map(_in_order, key)))
    return sorted(keys, key=lambda key: -1 if largest(key) is None else largest(key), reverse=True)


def _in_order(part: Any) -> Any:
    """Texts and addresses as the engine compares them. No name is an address."""
    if not isinstance(part, str):
        return part
    try:
        return parse_address(part)
    except Unreadable:
        return part.encode()
