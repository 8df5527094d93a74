"""Settings of an agent, already checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from producers.zone.clouds import METADATA_ADDRESS

DRAIN_SECONDS = 5.0


@dataclass(frozen=True)
class AgentSettings:
    """Defaults suit tests and the demo; the command line brings its own."""

    kafka_bootstrap: str
    state_dir: Path
    node_id: str | None = None  # None or "": made once and kept in the state directory
    region: str = "default"
    region_by_label: bool = False  # in a cluster: the node's label; where it has none, batches name none, and are of the worker's
    network: str = "default"
    cgroup: Path | None = None  # None: every cgroup of the machine
    window_seconds: int = 10
    spool_bytes: int = 268_435_456
    names_file: Path | None = None
    map_entries: int = 65_536
    domains: bool = True  # read the DNS answers of the node's sockets
    batch_flows: int = 2_000
    remove_on_exit: bool = False  # count the running window at the end, publish it, and take the programs out of the kernel
    drain_seconds: float = DRAIN_SECONDS  # how long an ending agent waits for Kafka to take what is spooled
    kafka_config: Mapping[str, Any] = field(default_factory=dict)  # more of librdkafka's settings
    registry_url: str = ""  # empty: Avro single-object encoding
    registry_ca_file: str = ""  # empty: the system's certificates
    zone: str = ""  # empty: the cloud's metadata service is asked, where there is one
    cloud: str | None = None  # a key of zone.clouds.CLOUDS; None: as the firmware says
    metadata_address: tuple[str, int] = METADATA_ADDRESS
    kubernetes: bool = False  # in a pod of a cluster: ask its API server for this node's pods and labels
    node_name: str = ""  # this node's name in the cluster; empty: the node id
    agent_version: str = ""
    flow_batch_version: int | None = None  # a released version of FlowBatch to write; None: the current one
    metrics_address: str = ""  # empty: every address
    metrics_port: int = 0  # 0: neither metrics nor health over HTTP
