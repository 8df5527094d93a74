"""Settings of a watcher, already checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class WatcherSettings:
    kafka_bootstrap: str
    network: str = "default"
    kubeconfig: str = ""  # empty: what a pod is given
    lease_namespace: str = ""  # empty: the pod's own
    lease_name: str = "weir-watcher"
    metrics_address: str = ""
    metrics_port: int = 0  # 0: none
    kafka_config: Mapping[str, Any] = field(default_factory=dict)  # more of librdkafka's settings
