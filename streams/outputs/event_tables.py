"""What comes on weir.ip-events as rows of the tables that keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from schemas.protocols import PROTOCOL_NAMES
from schemas.records.cluster import ClusterRecord, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from schemas.records.ip_event import IpEvent
from schemas.records.tables import IP_EVENTS, NODE_LABELS, SERVICE_STATEMENTS, WATCHER_WATERMARKS, WORKLOAD_STATES, SetTable

Event = IpEvent | ClusterRecord


def tables_of(events: Sequence[Event]) -> Iterator[tuple[SetTable, pa.Table]]:
    """A table for each kind that occurs. Watermarks are the last: whoever sees one finds what it stands for."""
    if held := [event for event in events if isinstance(event, IpEvent)]:
        yield "ip_events", ip_events_table(held)
    if stated := [event for event in events if isinstance(event, ServiceAddress)]:
        yield "service_statements", service_statements_table(stated)
    if states := [event for event in events if isinstance(event, WorkloadState)]:
        yield "workload_states", workload_states_table(states)
    if labelled := [event for event in events if isinstance(event, NodeLabels) and event.labels]:
        yield "node_sightings", node_labels_table(labelled)
    if watermarks := [event for event in events if isinstance(event, WatcherWatermark)]:
        yield "watcher_watermarks", watcher_watermarks_table(watermarks)


def ip_events_table(events: Sequence[IpEvent]) -> pa.Table:
    columns = {
        "network": [event.network for event in events],
        "ip": [event.ip for event in events],
        "at": [event.at_us for event in events],
        "assigned": [event.assigned for event in events],
        "workload": [event.workload for event in events],
    }
    return pa.table(columns, schema=IP_EVENTS)


def service_statements_table(stated: Sequence[ServiceAddress]) -> pa.Table:
    columns = {
        "network": [one.network for one in stated],
        "ip": [one.ip for one in stated],
        "protocol": [PROTOCOL_NAMES[one.protocol] if one.port or one.protocol else "" for one in stated],
        "port": [one.port for one in stated],
        "service": [one.service for one in stated],
        "workloads": [list(one.workloads) for one in stated],
        "since": [one.since_us for one in stated],
        "watcher": [one.watcher for one in stated],
    }
    return pa.table(columns, schema=SERVICE_STATEMENTS)


def watcher_watermarks_table(watermarks: Sequence[WatcherWatermark]) -> pa.Table:
    columns = {
        "network": [one.network for one in watermarks],
        "watcher": [one.watcher for one in watermarks],
        "since": [one.since_us for one in watermarks],
        "until": [one.until_us for one in watermarks],
    }
    return pa.table(columns, schema=WATCHER_WATERMARKS)


def workload_states_table(states: Sequence[WorkloadState]) -> pa.Table:
    columns = {
        "network": [one.network for one in states],
        "name": [one.name for one in states],
        "kind": [one.kind for one in states],
        "namespace": [one.namespace for one in states],
        "labels": [_sorted(one.labels) for one in states],
        "exists": [one.exists for one in states],
        "at": [one.at_us for one in states],
    }
    return pa.table(columns, schema=WORKLOAD_STATES)


def node_labels_table(labelled: Sequence[NodeLabels]) -> pa.Table:
    """Of nodes that have labels: a sighting without any says nothing of them."""
    columns = {
        "node_id": [one.node_id for one in labelled],
        "zone": [one.zone for one in labelled],
        "region": [one.region for one in labelled],
        "labels": [_sorted(one.labels) for one in labelled],
        "first_seen": [one.at_us for one in labelled],
        "last_seen": [one.at_us for one in labelled],
    }
    return pa.table(columns, schema=NODE_LABELS)


def _sorted(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """The same labels are the same row, whatever order they came in."""
    return sorted(labels.items())
