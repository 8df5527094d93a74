"""What the tables hold of an address: what workers learned of it from heartbeats, flows and events, as records that a map can learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.addresses import parse_address
from schemas.instants import FOREVER_US, NEVER_US
from schemas.protocols import parse_protocol
from schemas.records.cluster import ServiceAddress, WatcherWatermark
from schemas.records.ip_event import IpEvent
from schemas.records.ownership import AddressRange, Ownership
from sinks.engines.quoting import quoted

if TYPE_CHECKING:
    from weir.explain.asks import Asks
    from weir.explain.evidence import Flow

_RANGE = (
    "toString(workload) AS workload, port, toString(protocol) AS protocol, toUnixTimestamp64Micro(start) AS start_us, "
    "toUnixTimestamp64Micro(`end`) AS end_us, 'heartbeat' AS source, toString(node_id) AS node_id"
)

_SIGHTING = (
    "toString(local_workload) AS workload, toUInt16(0) AS port, '' AS protocol, toUnixTimestamp64Micro({first}) AS start_us, "
    "toUnixTimestamp64Micro({last}) + 1 AS end_us, 'flow' AS source, toString(node_id) AS node_id"
)
_LONGEST_WINDOW_US = 3_600_000_000
"""WEIR_WINDOW_SECONDS is no longer."""


@dataclass(frozen=True)
class Told:
    """Ranges by heartbeats (of the whole address, of the flow's port, and one of another port where there is any) and by flows; events.

    `from_us`, `until_us`: between which instants heartbeats of any address have spoken. `services`: what watchers told of the address and
    port, also as a node port, and of the address as a node's.
    """

    ownership: Ownership
    events: tuple[IpEvent, ...]
    from_us: int
    until_us: int
    services: tuple[ServiceAddress | WatcherWatermark, ...] = ()


def recall(sink: Asks, flow: Flow, retention_us: int, silence_us: int) -> Told:
    """What is told of the flow's remote address. A listener that left the retention before the flow is not asked for.

    `silence_us`: no silence that matters to the flow's name begins earlier before the flow, or ends later after it.
    """
    ip, since_us = parse_address(flow.remote_ip), max(0, flow.first_us - retention_us)
    sightings = (_near_sightings_sql(flow, silence_us), _one_sighting_sql(flow, since_us, flow.last_us + retention_us))
    queries = (_ranges_sql(flow, since_us), _other_port_sql(flow, since_us), *sightings)
    ranges = [AddressRange(**{**row, "protocol": _protocol(row["protocol"])}) for sql in queries for row in sink.query(sql).to_pylist()]
    events = [
        IpEvent(flow.network, ip, row["workload"], bool(row["assigned"]), row["at_us"]) for row in sink.query(_events_sql(flow)).to_pylist()
    ]
    (bounds,) = sink.query(_BOUNDS_SQL).to_pylist()
    from_us, until_us = (bounds["from_us"], bounds["until_us"]) if bounds["heartbeats"] else (FOREVER_US, NEVER_US)
    services = _services(sink, flow, since_us) if flow.listening else ()
    return Told(Ownership(flow.network, ip, tuple(ranges)), tuple(events), from_us, until_us, services)


def _services(sink: Asks, flow: Flow, since_us: int) -> tuple[ServiceAddress | WatcherWatermark, ...]:
    stated = [
        ServiceAddress(flow.network, parse_address(row["ip"]), _protocol(row["protocol"]), row["port"], **_statement(row))
        for row in sink.query(_statements_sql(flow)).to_pylist()
    ]
    watermarks = sink.query(_watermarks_sql(flow, since_us)).to_pylist() if stated else []
    return (*stated, *(WatcherWatermark(flow.network, **row) for row in watermarks))


def _statement(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: row[name] for name in ("service", "since_us", "watcher")}
    return {**told, "workloads": tuple(row["workloads"])}


def _protocol(text: str) -> int:
    return parse_protocol(text) if text else 0


def _ranges_sql(flow: Flow, since_us: int) -> str:
    """Of the whole address all, whenever they ended: an old heartbeat may have ended what an event began."""
    listener = f" OR {_listener(flow)} AND toUnixTimestamp64Micro(`end`) > {since_us}" if _asks_port(flow) else ""
    return f"SELECT {_RANGE} FROM weir.ownership_by_heartbeats WHERE {address_sql(flow)} AND (port = 0{listener})"  # noqa: S608


def _other_port_sql(flow: Flow, since_us: int) -> str:
    """One is enough to know that the address is shared: the one that was held last."""
    others = f" AND NOT ({_listener(flow)})" if _asks_port(flow) else ""
    return (
        f"SELECT {_RANGE} FROM weir.ownership_by_heartbeats WHERE {address_sql(flow)} AND port > 0{others} "  # noqa: S608
        f"AND toUnixTimestamp64Micro(`end`) > {since_us} ORDER BY `end` DESC LIMIT 1"
    )


def _near_sightings_sql(flow: Flow, silence_us: int) -> str:
    """What the flows of nodes show of the address, a message each, as workers learn it: what decides whose a silence is."""
    from_us, until_us = max(0, flow.first_us - silence_us), flow.last_us + silence_us
    return (
        f"SELECT {_SIGHTING.format(first='min(first_seen)', last='max(last_seen)')} FROM weir.flows "  # noqa: S608
        f"WHERE {_seen_between(flow, max(0, from_us - _LONGEST_WINDOW_US), until_us)} "
        "GROUP BY topic, partition, first_offset, local_workload, node_id "
        f"HAVING end_us > {from_us}"
    )


def _one_sighting_sql(flow: Flow, since_us: int, until_us: int) -> str:
    """One is enough to know that an agent speaks for the address."""
    sighting = _SIGHTING.format(first="first_seen", last="last_seen")
    return f"SELECT {sighting} FROM weir.flows WHERE {_seen_between(flow, since_us, until_us)} LIMIT 1"  # noqa: S608


def _seen_between(flow: Flow, from_us: int, until_us: int) -> str:
    """Flows of the address's own ends in windows that begin between the instants."""
    return (
        f"network = {quoted(flow.network)} AND local_ip = toIPv6({quoted(flow.remote_ip)}) AND local_workload != '' "
        f"AND window_start >= toDateTime({from_us // 1_000_000}, 'UTC') AND window_start <= toDateTime({until_us // 1_000_000}, 'UTC')"
    )


def _events_sql(flow: Flow) -> str:
    return (
        "SELECT DISTINCT toUnixTimestamp64Micro(at) AS at_us, assigned, toString(workload) AS workload "  # noqa: S608
        f"FROM weir.ip_events WHERE {address_sql(flow)}"
    )


def _statements_sql(flow: Flow) -> str:
    return (
        "SELECT DISTINCT ip, toString(protocol) AS protocol, port, toString(service) AS service, "  # noqa: S608
        "arrayMap(name -> toString(name), workloads) AS workloads, toUnixTimestamp64Micro(since) AS since_us, toString(watcher) AS watcher "
        f"FROM weir.service_statements WHERE ({service_sql(flow)}) OR {address_sql(flow)} AND protocol = ''"
    )


def _watermarks_sql(flow: Flow, since_us: int) -> str:
    return (
        "SELECT toString(watcher) AS watcher, toUnixTimestamp64Micro(since) AS since_us, toUnixTimestamp64Micro(max(until)) AS until_us "  # noqa: S608
        f"FROM weir.watcher_watermarks WHERE network = {quoted(flow.network)} GROUP BY watcher, since HAVING until_us >= {since_us}"
    )


_BOUNDS_SQL = """
SELECT
    count() AS heartbeats,
    toUnixTimestamp64Micro(min(start)) AS from_us,
    greatest(
        (
            SELECT toUnixTimestamp64Micro(max(`end`)) FROM weir.ownership_ranges
            WHERE start >= (SELECT max(start) - toIntervalDay(1) FROM weir.ownership_ranges)
        ),
        (SELECT toUnixTimestamp64Micro(max(`end`)) FROM weir.ownership_rests)
    ) AS until_us
FROM weir.ownership_ranges
"""
"""No heartbeat is longer than a day: only the newest parts are read, and of others what ClickHouse keeps of their bounds. A range that has
ended may be longer, but what it goes on from has a rest that ends no sooner.
"""


def _asks_port(flow: Flow) -> bool:
    return flow.listening and flow.service_port > 0


def _listener(flow: Flow) -> str:
    return f"port = {flow.service_port} AND protocol = {quoted(flow.protocol)}"


def service_sql(flow: Flow) -> str:
    """The address, protocol and port that the flow called, also as a node port where the address is a node's, as a condition."""
    nodes = f"SELECT network FROM weir.service_statements WHERE {address_sql(flow)} AND protocol = ''"  # noqa: S608
    everywhere = f"network IN ({nodes}) AND ip = toIPv6('::')"
    return f"port = {flow.service_port} AND protocol = {quoted(flow.protocol)} AND ({address_sql(flow)} OR {everywhere})"


def address_sql(flow: Flow) -> str:
    """The flow's remote address, as a condition."""
    return f"network = {quoted(flow.network)} AND ip = toIPv6({quoted(flow.remote_ip)})"
