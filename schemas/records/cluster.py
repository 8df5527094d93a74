"""What a watcher tells of its cluster: services and their backends, workloads and nodes.

A watcher is one process from its start to its end. What two of them say of the same time stands beside each other: each word holds within
its own watcher's watermark alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NODE_PORTS = bytes(16)
"""The address of a service's node port: it stands for each address of the cluster's nodes."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """From `since_us` on, until `watcher` says otherwise: what is behind (network, ip, protocol, port).

    `service`: namespace/name; empty: no service any more, and no workloads. `workloads`: of all backends that a connection may have
    reached, sorted, each once; "" among them: one is not known. Port and protocol 0: the address is one of the cluster's nodes, and
    `service` is the node's name.
    """

    network: str
    ip: bytes  # 16 bytes, network order, IPv4 as ::ffff:a.b.c.d; or NODE_PORTS
    protocol: int
    port: int
    service: str
    workloads: tuple[str, ...]
    since_us: int
    watcher: str


@dataclass(frozen=True, slots=True)
class WatcherWatermark:
    """The watcher has told every change from `since_us` to `until_us`."""

    network: str
    watcher: str
    since_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class WorkloadState:
    """From `at_us` on the workload has these labels, or does not exist."""

    network: str
    name: str
    kind: str
    namespace: str
    labels: Mapping[str, str]
    exists: bool
    at_us: int


@dataclass(frozen=True, slots=True)
class NodeLabels:
    """At `at_us` the cluster said so of the node. `region` and `zone` are empty where its labels name none."""

    network: str
    node_id: str
    region: str
    zone: str
    labels: Mapping[str, str]
    at_us: int


ClusterRecord = ServiceAddress | WatcherWatermark | WorkloadState | NodeLabels


def key_of(record: ClusterRecord) -> bytes:
    """Under which Kafka keeps the newest record of its subject."""
    match record:
        case ServiceAddress():
            key = f"@services/{record.network}/{record.ip.hex()}/{record.protocol}/{record.port}"
        case WatcherWatermark():
            key = f"@watcher/{record.network}/{record.watcher}"
        case WorkloadState():
            key = f"@workloads/{record.network}/{record.kind}/{record.name}"
        case NodeLabels():
            key = f"@node-labels/{record.network}/{record.node_id}"
    return key.encode()
