"""The whole agent in a cluster whose API server is a fake: pods' names in flows and heartbeats, whatever comes and goes."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from producers import agent as agent_module
from producers.agent import AgentSettings, run_agent
from producers.kubernetes import api_client
from producers.kubernetes.api_client import ApiServer
from producers.kubernetes.node_watch import PODS
from schemas.records.flow_batch import FlowBatch
from tests.producers.fakes import MAPPED
from tests.producers.kubernetes.certificates import make_account
from tests.producers.kubernetes.fake_api import FakeApi
from tests.producers.test_agent import SERVER, call, spooled
from tests.support.processes import wait_for
from weir.lab import Lab, Node, Pod

CLIENT_UID, SERVER_UID, SHORT_UID = (f"{n}f4b1c3e-1111-4222-8333-123456789abc" for n in range(3))


@pytest.fixture
def node() -> Iterator[Node]:
    with Lab("kubernetes") as lab:
        yield lab.node("n1")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    account = tmp_path / "account"
    account.mkdir()
    with FakeApi(make_account(account)) as fake:
        monkeypatch.setattr(api_client, "in_cluster", lambda: ApiServer("127.0.0.1", fake.port, account))
        labels = {"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1"}
        fake.put("/api/v1/nodes", {"metadata": {"name": "n1", "uid": "node", "labels": labels}})
        yield fake


def of_deployment(uid: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A ReplicaSet and a pod of it."""

    def owner(kind: str, name: str) -> list[dict[str, Any]]:
        return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]

    parent = {"namespace": "shop", "name": f"{name}-5d", "uid": f"uid-{name}-5d", "ownerReferences": owner("Deployment", name)}
    pod = {"namespace": "shop", "name": f"{name}-5d-x", "uid": uid, "ownerReferences": owner("ReplicaSet", f"{name}-5d")}
    return {"metadata": parent}, {"metadata": pod, "spec": {"nodeName": "n1"}}


def tell(api: FakeApi, uid: str, name: str) -> None:
    parent, pod = of_deployment(uid, name)
    api.put("/apis/apps/v1/replicasets", parent)
    api.put(PODS, pod)


def served(node: Node) -> tuple[Pod, Pod]:
    """A client's pod and a server's, by their uids, the server listening."""
    client, server = node.pod(f"pod{CLIENT_UID}"), node.pod(f"pod{SERVER_UID}")
    process = server.popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return client, server


def settings(state: Path, node: Node, window_seconds: int = 1) -> AgentSettings:
    fields: dict[str, Any] = {"cgroup": node.cgroup, "window_seconds": window_seconds, "remove_on_exit": True, "drain_seconds": 0.1}
    return AgentSettings("127.0.0.1:9", state, "n1", kubernetes=True, region_by_label=True, **fields)


@contextmanager
def running(given: AgentSettings) -> Iterator[None]:
    """Until its first window has been taken; at the end the running one is, too."""
    stop = threading.Event()
    agent = threading.Thread(target=run_agent, args=(given, stop))
    before = len(spooled(given.state_dir))
    agent.start()
    try:
        wait_for(lambda: len(spooled(given.state_dir)) > before, 30, "the first window")
        yield
    finally:
        stop.set()
        agent.join()


def senders(batches: list[FlowBatch]) -> set[str]:
    return {batch.workloads[index] for batch in batches for index in batch.flows.local_workload.tolist()}


def holders(batches: list[FlowBatch], ip: str) -> set[str]:
    address = MAPPED + ipaddress.ip_address(ip).packed
    return {
        batch.workloads[batch.heartbeats.workload[i]]
        for batch in batches
        for i in range(len(batch.heartbeats))
        if batch.heartbeats.ip[i].tobytes() == address
    }


def test_flows_and_heartbeats_carry_workloads_and_batches_the_nodes_labels(tmp_path: Path, node: Node, api: FakeApi) -> None:
    tell(api, CLIENT_UID, "checkout")
    tell(api, SERVER_UID, "db")
    pods = served(node)
    with running(settings(tmp_path, node)):
        call(*pods, 3, 1009)
    batches = spooled(tmp_path)
    assert senders(batches) == {"shop/checkout", "shop/db"}
    assert holders(batches, pods[0].ipv4) == {"shop/checkout"} and holders(batches, pods[1].ipv4) == {"shop/db"}
    assert (batches[-1].zone, batches[-1].region) == ("z1", "r1")


def test_a_pod_that_comes_and_goes_within_a_window_has_its_name(tmp_path: Path, node: Node, api: FakeApi) -> None:
    _, server = served(node)
    with running(settings(tmp_path, node, window_seconds=3)):
        api.wait_for_watch(PODS)
        tell(api, SHORT_UID, "once")
        short = node.pod(f"pod{SHORT_UID}")
        before = len(spooled(tmp_path))
        call(short, server, 1, 1009)
        short.cgroup.rmdir()
        api.remove(PODS, "shop", "once-5d-x")
        crossed = len(spooled(tmp_path)) != before
        wait_for(lambda: "shop/once" in senders(spooled(tmp_path)), 20, "the pod's flow")
    if not crossed:
        assert holders(spooled(tmp_path), short.ipv4) == {"shop/once"}
    assert f"pod/{SHORT_UID}" not in senders(spooled(tmp_path))


def test_while_the_server_is_away_known_names_hold_and_others_come_later(
    tmp_path: Path, node: Node, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "FIRST_LIST_SECONDS", 0.2)
    tell(api, CLIENT_UID, "checkout")
    pods = served(node)
    state = tmp_path
    with running(settings(state, node)):
        call(*pods, 1, 1009)
        wait_for(lambda: "shop/checkout" in senders(spooled(state)), 20, "the client's name")
    begun = len(spooled(state))
    api.away()
    tell(api, SERVER_UID, "db")
    with running(settings(state, node)):
        call(*pods, 3, 1009)
        uid_name = f"pod/{SERVER_UID}"
        wait_for(lambda: uid_name in senders(spooled(state)[begun:]), 20, "the server's flows under its uid")
        assert "shop/checkout" in senders(spooled(state)[begun:])
        api.back()
        wait_for(lambda: "shop/db" in holders(spooled(state), pods[1].ipv4), 60, "the server's name")
        call(*pods, 3, 1009)
    batches = spooled(state)[begun:]
    assert senders(batches) == {"shop/checkout", uid_name, "shop/db"}
    beats = sorted(
        (int(b.heartbeats.start_us[i]), int(b.heartbeats.end_us[i]), b.workloads[b.heartbeats.workload[i]])
        for b in batches
        for i in range(len(b.heartbeats))
        if b.heartbeats.ip[i].tobytes() == MAPPED + ipaddress.ip_address(pods[1].ipv4).packed
    )
    assert all(before[1] == after[0] for before, after in zip(beats, beats[1:], strict=False)), "no gap where the name changes"
    assert [name for _, _, name in beats] == sorted((name for _, _, name in beats), key=[uid_name, "shop/db"].index)


def test_without_kubernetes_pods_go_by_their_uid(tmp_path: Path, node: Node, api: FakeApi) -> None:
    tell(api, CLIENT_UID, "checkout")
    pods = served(node)
    with running(replace(settings(tmp_path, node), kubernetes=False)):
        call(*pods, 1, 1009)
    assert senders(spooled(tmp_path)) == {f"pod/{CLIENT_UID}", f"pod/{SERVER_UID}"}
    assert not api.requests and spooled(tmp_path)[-1].region == "default"
