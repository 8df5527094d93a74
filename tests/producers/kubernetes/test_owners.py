"""A pod's workload by its controller, and an object's metadata out of raw JSON."""

from __future__ import annotations

from typing import Any

import pytest

from producers.kubernetes.owners import CONFIG_HASH, Controller, Metadata, Workload, parse_metadata, uid_of, workload_of


def meta(name: str, owner: dict[str, Any] | None = None, uid: str = "", **annotations: str) -> Metadata:
    metadata: dict[str, Any] = {"namespace": "shop", "name": name, "uid": uid or f"uid-{name}", "annotations": annotations}
    if owner is not None:
        metadata["ownerReferences"] = [{**owner, "controller": True}]
    return parse_metadata({"metadata": metadata})


def ref(api: str, kind: str, name: str, uid: str = "") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "name": name, "uid": uid or f"uid-{name}"}


PARENTS = {
    "web-5d": meta("web-5d", ref("apps/v1", "Deployment", "web")),
    "lone-5d": meta("lone-5d"),
    "canary-5d": meta("canary-5d", ref("argoproj.io/v1alpha1", "Rollout", "canary")),
    "nightly-2891": meta("nightly-2891", ref("batch/v1", "CronJob", "nightly")),
    "once": meta("once"),
}


def parent(namespace: str, reference: Controller) -> Metadata | None:
    assert namespace == "shop"
    return PARENTS.get(reference.name)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        (meta("web-5d-x", ref("apps/v1", "ReplicaSet", "web-5d")), Workload("Deployment", "shop", "web")),
        (meta("lone-5d-x", ref("apps/v1", "ReplicaSet", "lone-5d")), Workload("ReplicaSet", "shop", "lone-5d")),
        (meta("canary-5d-x", ref("apps/v1", "ReplicaSet", "canary-5d")), Workload("Rollout", "shop", "canary")),
        (meta("nightly-2891-x", ref("batch/v1", "Job", "nightly-2891")), Workload("CronJob", "shop", "nightly")),
        (meta("once-x", ref("batch/v1", "Job", "once")), Workload("Job", "shop", "once")),
        (meta("db-0", ref("apps/v1", "StatefulSet", "db")), Workload("StatefulSet", "shop", "db")),
        (meta("log-x", ref("apps/v1", "DaemonSet", "log")), Workload("DaemonSet", "shop", "log")),
        (meta("odd-x", ref("example.com/v1", "ReplicaSet", "odd")), Workload("ReplicaSet", "shop", "odd")),
        (meta("kafka-0", ref("kafka.strimzi.io/v1", "StrimziPodSet", "kafka")), Workload("StrimziPodSet", "shop", "kafka")),
        (meta("bare"), Workload("Pod", "shop", "bare")),
        (meta("etcd-n1", ref("v1", "Node", "n1")), Workload("StaticPod", "shop", "etcd")),
        (meta("gone-5d-x", ref("apps/v1", "ReplicaSet", "gone-5d")), None),
        (meta("web-5d-x", ref("apps/v1", "ReplicaSet", "web-5d", uid="another")), None),
    ],
    ids=lambda value: str(value) if isinstance(value, Workload) else "",
)
def test_workload_of_a_pod(pod: Metadata, workload: Workload | None) -> None:
    assert workload_of(pod, parent) == workload


def test_only_the_owner_that_controls_counts() -> None:
    references = [ref("v1", "ConfigMap", "other"), {**ref("apps/v1", "StatefulSet", "db"), "controller": True}]
    raw = {"metadata": {"name": "db-0", "uid": "u", "namespace": "shop", "ownerReferences": references}}
    assert parse_metadata(raw).controller == Controller("apps", "StatefulSet", "db", "uid-db")
    raw["metadata"]["ownerReferences"] = references[:1]
    assert parse_metadata(raw).controller is None


def test_a_static_pods_cgroups_carry_the_kubelets_uid() -> None:
    assert uid_of(meta("web", uid="u1")) == "u1"
    assert uid_of(meta("etcd-n1", uid="u1", **{CONFIG_HASH: "0a1b"})) == "0a1b"


def test_metadata_of_a_raw_object() -> None:
    raw = {
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "u1",
            "resourceVersion": "7",
            "labels": {"app": "web"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        }
    }
    assert parse_metadata(raw) == Metadata("u1", "shop", "web", "7", {"app": "web"}, None, "", 1_767_225_600_000_000)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"metadata": None},
        {"metadata": {"name": "web"}},
        {"metadata": {"name": "", "uid": "u"}},
        {"metadata": {"name": "web", "uid": 7}},
        {"metadata": {"name": "web", "uid": "u", "ownerReferences": [{"controller": True}]}},
        {"metadata": {"name": "web", "uid": "u", "ownerReferences": [None]}},
        {"metadata": {"name": "web", "uid": "u", "creationTimestamp": "soon"}},
    ],
)
def test_what_is_no_metadata_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        parse_metadata(raw)


@pytest.mark.parametrize("namespace", ["node", "pod", "container"])
def test_no_workload_has_a_name_that_weir_gives_itself(namespace: str) -> None:
    """`node/x` would be taken for the node x."""
    assert str(Workload("Deployment", namespace, "x")) == f"namespace/{namespace}/x"
    assert str(Workload("Deployment", "namespace", "x")) == "namespace/x"
