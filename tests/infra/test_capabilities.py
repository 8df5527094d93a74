"""The agent does its work with the capabilities that the DaemonSet grants it, and no others. Live: needs root and eBPF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]
from confluent_kafka import Consumer

from schemas.records.flow_batch import FlowBatch
from schemas.wire.codec import decode_batch
from schemas.wire.framing import Framer
from tests.support.processes import ROOT, WEIR, Child
from weir.lab import Lab, Pod


@pytest.fixture
def pod() -> Iterator[Pod]:
    with Lab("capabilities") as lab:
        pod = lab.node("n1").pod("checkout")
        pod.popen(["sleep", "60"])
        yield pod


def granted() -> str:
    """The container's capabilities, as setpriv wants them. The chart drops all others (test_chart.py)."""
    values = yaml.safe_load((ROOT / "infra" / "helm" / "weir" / "values.yaml").read_text())
    return ",".join(["-all", *(f"+{name.lower()}" for name in values["agent"]["capabilities"])])


def first_batch(bootstrap: str, node_id: str) -> FlowBatch:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": node_id, "auto.offset.reset": "earliest", "log_level": 0})
    consumer.subscribe(["weir.flows"])
    try:
        for _ in range(100):
            message = consumer.poll(1)
            if message is not None and message.error() is None and message.key() == node_id.encode():
                framed = Framer().unframe(message.value() or b"")
                return decode_batch(framed.body, framed.writer)
    finally:
        consumer.close()
    raise AssertionError(f"no batch of {node_id} in weir.flows")


def test_the_agent_counts_and_names_with_what_the_daemonset_grants(kafka: str, pod: Pod, tmp_path: Path) -> None:
    settings = {"kafka_bootstrap": kafka, "cgroup": pod.cgroup.parent, "state_dir": tmp_path, "window_seconds": 1, "node_id": "capable"}
    with Child(["setpriv", f"--bounding-set={granted()}", WEIR, "agent", "--remove-on-exit"], settings, name="weir agent") as agent:
        agent.line("Window .* flows")
        agent.stop()
    batch = first_batch(kafka, "capable")
    address = bytes.fromhex("00000000000000000000ffff") + bytes(int(part) for part in pod.ipv4.split("."))
    held = np.all(batch.heartbeats.ip == np.frombuffer(address, "u1"), axis=1)
    assert {batch.workloads[index] for index in batch.heartbeats.workload[held]} == {"checkout"}
