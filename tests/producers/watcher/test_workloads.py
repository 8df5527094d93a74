"""States of workloads and labels of nodes: from when on, and until when."""

from __future__ import annotations

from producers.kubernetes.owners import parse_metadata
from producers.watcher.nodes import Nodes
from producers.watcher.objects import read_node, read_pod
from producers.watcher.pods import Pods
from producers.watcher.workloads import GONE_US, LABELS, Workloads
from schemas.records.cluster import NodeLabels, WorkloadState
from tests.producers.watcher.raw import CREATED_US, Raw, node, thing

S = 1_000_000
NOW = CREATED_US + 3_600 * S


def state(kind: str, name: str, at_us: int = CREATED_US, exists: bool = True, namespace: str = "shop", **labels: str) -> WorkloadState:
    return WorkloadState("net", f"{namespace}/{name}", kind, namespace, labels, exists, at_us)


def scene() -> tuple[Pods, Workloads]:
    pods = Pods()
    return pods, Workloads(pods, "net")


def test_owners_are_workloads_from_their_creation_on() -> None:
    _, workloads = scene()
    kinds = ("CronJob", "DaemonSet", "Deployment", "StatefulSet")
    for kind in kinds:
        workloads.owners_replaced(kind, [parse_metadata(thing(kind.lower(), labels={"team": "t"}))])
    assert workloads.settle(NOW) == [state(kind, kind.lower(), team="t") for kind in kinds]
    assert workloads.settle(NOW) == [] and len(workloads) == 4


def test_what_is_owned_is_no_workload_of_its_own() -> None:
    _, workloads = scene()
    workloads.owners_replaced("Job", [parse_metadata(thing("nightly-1", owner=("CronJob", "nightly"))), parse_metadata(thing("once"))])
    workloads.owners_replaced("ReplicaSet", [parse_metadata(thing("web-1", owner=("Deployment", "web"))), parse_metadata(thing("lone"))])
    assert [(told.kind, told.name) for told in workloads.settle(NOW)] == [("Job", "shop/once"), ("ReplicaSet", "shop/lone")]


def test_other_labels_hold_from_when_they_were_seen() -> None:
    _, workloads = scene()
    workloads.owner_changed("Deployment", parse_metadata(thing("web", labels={"v": "1"})))
    workloads.settle(NOW)
    workloads.owner_changed("Deployment", parse_metadata(thing("web", labels={"v": "2"})))
    assert workloads.settle(NOW) == [state("Deployment", "web", NOW, v="2")]


def test_a_workload_that_goes_and_comes_again() -> None:
    _, workloads = scene()
    web = parse_metadata(thing("web"))
    workloads.owner_changed("Deployment", web)
    workloads.settle(NOW)
    workloads.owner_deleted("Deployment", web)
    assert workloads.settle(NOW) == [state("Deployment", "web", NOW, False)]
    assert len(workloads) == 0 and list(workloads.standing()) == [state("Deployment", "web", NOW, False)]
    workloads.owner_changed("Deployment", web)  # Its creation, to the second, seems to be before.
    assert workloads.settle(NOW + S) == [state("Deployment", "web", NOW + 1)]
    workloads.owners_replaced("Deployment", [])
    assert workloads.settle(NOW + 2 * S) == [state("Deployment", "web", NOW + 2 * S, False)]
    workloads.settle(NOW + 2 * S + GONE_US)
    assert list(workloads.standing()) == []


def test_bare_pods_and_static_pods_have_labels_of_their_own() -> None:
    pods, workloads = scene()
    pods.changed(read_pod(thing("lone", labels={"a": "1"})))
    for at in ("n1", "n2"):
        pods.changed(read_pod(static("etcd", at)))
    both = state("StaticPod", "etcd", namespace="kube-system", tier="control")
    assert workloads.settle(NOW) == [state("Pod", "lone", a="1"), both]
    pods.deleted("uid-etcd-n1", NOW)
    assert workloads.settle(NOW) == []
    pods.deleted("uid-etcd-n2", NOW)
    assert [(told.name, told.exists) for told in workloads.settle(NOW)] == [("kube-system/etcd", False)]


def static(name: str, on: str) -> Raw:
    raw = thing(f"{name}-{on}", "kube-system", labels={"tier": "control"})
    raw["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": on, "uid": f"uid-{on}", "controller": True}]
    return raw


def test_owners_of_other_kinds_exist_while_they_have_pods() -> None:
    pods, workloads = scene()
    raw = thing("db-0", labels={"ignored": "yes"})
    raw["metadata"]["ownerReferences"] = [{"apiVersion": "db.example/v1", "kind": "Postgres", "name": "db", "uid": "u", "controller": True}]
    pods.changed(read_pod(raw))
    assert workloads.settle(NOW) == [state("Postgres", "db")]
    pods.deleted("uid-db-0", NOW + S)
    assert workloads.settle(NOW + S) == [state("Postgres", "db", NOW + S, False)]


def test_a_kind_that_may_not_be_listed_is_known_by_its_pods() -> None:
    pods, workloads = scene()
    pods.parent_changed("ReplicaSet", parse_metadata(thing("web-1", owner=("Deployment", "web"))))
    pods.changed(read_pod(thing("w1", owner=("ReplicaSet", "web-1"))))
    assert workloads.settle(NOW) == []
    workloads.forbid("Deployment")
    assert workloads.settle(NOW) == [state("Deployment", "web")]


def test_what_an_earlier_watcher_told_goes_on() -> None:
    _, workloads = scene()
    for name, version in (("same", "1"), ("other", "2")):
        workloads.owner_changed("Deployment", parse_metadata(thing(name, labels={"v": version})))
    workloads.inherit([state("Deployment", name, CREATED_US + 7, v="1") for name in ("same", "other", "gone")])
    assert workloads.settle(NOW) == [
        state("Deployment", "same", CREATED_US + 7, v="1"),
        state("Deployment", "gone", NOW, False, v="1"),
        state("Deployment", "other", NOW, v="2"),
    ]


def test_more_labels_than_readers_take_are_cut() -> None:
    _, workloads = scene()
    workloads.owner_changed("Deployment", parse_metadata(thing("web", labels={f"l{n:04}": "" for n in range(LABELS + 9)})))
    (told,) = workloads.settle(NOW)
    assert sorted(told.labels) == [f"l{n:04}" for n in range(LABELS)]


def test_nodes_are_told_once_and_when_their_labels_change() -> None:
    nodes = Nodes("net")
    labels = {"topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "eu-1a"}
    nodes.replaced([read_node(node("n1", [], labels))], NOW)
    assert nodes.settle() == list(nodes.standing()) == [NodeLabels("net", "n1", "eu", "eu-1a", labels, NOW)]
    nodes.changed(read_node(node("n1", ["10.0.0.1"], labels, version=2)), NOW + S)
    assert nodes.settle() == []
    nodes.replaced([], NOW + S)
    assert nodes.settle() == list(nodes.standing()) == []


def test_the_older_names_of_zone_and_region_are_read() -> None:
    nodes = Nodes("net")
    raw = node("n1", [])
    raw["metadata"]["labels"] = {"failure-domain.beta.kubernetes.io/zone": "z", "failure-domain.beta.kubernetes.io/region": "r"}
    nodes.changed(read_node(raw), NOW)
    assert [(told.region, told.zone) for told in nodes.settle()] == [("r", "z")]
