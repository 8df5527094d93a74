"""What watchers tell of their cluster to Avro bodies and back. Whatever is wrong with a body raises Unreadable with one sentence."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from schemas.errors import Unreadable
from schemas.names import check_name, check_names
from schemas.records.cluster import ClusterRecord, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from schemas.records.validation import check_instant, check_ip
from schemas.wire.codec import Body, decode_record, encode_record
from schemas.wire.schema_files import Schema

_KINDS: dict[str, type[ClusterRecord]] = {kind.__name__: kind for kind in (ServiceAddress, WatcherWatermark, WorkloadState, NodeLabels)}
CLUSTER_MESSAGES = frozenset(_KINDS)
LABELS = 256
"""Labels of one thing at most; Kubernetes sets no number, and limits all metadata of a thing to 256 KiB."""


def encode_cluster_record(record: ClusterRecord) -> bytes:
    """The Avro body of a message whose name is that of the record's class. Raises Unreadable for what readers would refuse."""
    _check(record)
    return encode_record(type(record).__name__, {f.name.removesuffix("_us"): getattr(record, f.name) for f in fields(record)})


def decode_cluster_record(name: str, body: Body, writer: Schema | None = None) -> ClusterRecord:
    """`name`: one of CLUSTER_MESSAGES."""
    read, kind = decode_record(name, body, writer), _KINDS[name]
    values: dict[str, Any] = {f.name: read[f.name.removesuffix("_us")] for f in fields(kind)}
    if "workloads" in values:
        values["workloads"] = tuple(values["workloads"])
    record: ClusterRecord = kind(**values)
    _check(record)
    return record


def _check(record: ClusterRecord) -> None:
    check_name("Network name", record.network)
    match record:
        case ServiceAddress():
            check_ip(record.ip)
            check_names("Service, workload or watcher name", (record.service, record.watcher, *record.workloads))
            if not (0 <= record.port < 2**16 and 0 <= record.protocol < 2**8):
                raise Unreadable(f"A service has port {record.port} of protocol {record.protocol}; ports end at 65535, protocols at 255.")
            check_instant("since", record.since_us)
        case WatcherWatermark():
            check_name("Watcher name", record.watcher)
            check_instant("since", record.since_us)
            check_instant("until", record.until_us)
        case WorkloadState():
            check_names("Workload, kind or namespace name", (record.name, record.kind, record.namespace))
            _check_labels(record.name, record.labels)
            check_instant("at", record.at_us)
        case NodeLabels():
            check_names("Node, region or zone name", (record.node_id, record.region, record.zone))
            _check_labels(record.node_id, record.labels)
            check_instant("at", record.at_us)


def _check_labels(whose: str, labels: Any) -> None:
    if len(labels) > LABELS:
        raise Unreadable(f"{whose} has {len(labels)} labels; {LABELS} are read.")
    check_names("Label", (*labels.keys(), *labels.values()))
