"""Which workload a pod belongs to: the rule that agents and watchers share.

A pod's controller is its workload, but for a ReplicaSet and a Job, whose own controller is (a Deployment, a CronJob), where they have one.
Nothing is guessed from names: a parent that is not known leaves the workload unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import Unreadable
from schemas.instants import parse_instant

CONFIG_HASH = "kubernetes.io/config.hash"
"""Annotation of a static pod's mirror: the uid that the kubelet has given the pod, which its cgroup carries."""
STATIC_POD = "StaticPod"
RESERVED = frozenset({"container", "node", "pod"})
"""Beginnings of names that weir itself gives: what runs in a namespace of such a name must not be taken for a node."""
_WITH_PARENTS = {"ReplicaSet": "apps", "Job": "batch"}


@dataclass(frozen=True, slots=True)
class Controller:
    """The owner reference that has `controller: true`. `group`: of its API, without the version; empty: the core's."""

    group: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """An object's metadata, as much as weir uses. `config_hash`: see CONFIG_HASH; empty: it is no static pod."""

    uid: str
    namespace: str
    name: str
    version: str
    labels: Mapping[str, str]
    controller: Controller | None
    config_hash: str
    created_us: int


@dataclass(frozen=True, slots=True)
class Workload:
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """The name that flows carry."""
        return f"{'namespace/' * (self.namespace in RESERVED)}{self.namespace}/{self.name}"


def workload_of(pod: Metadata, parent: Callable[[str, Controller], Metadata | None]) -> Workload | None:
    """None: not known yet. `parent`: the metadata of a ReplicaSet or Job, by namespace and reference."""
    owner = pod.controller
    if owner is None:
        return Workload("Pod", pod.namespace, pod.name)
    if owner.kind == "Node" and not owner.group:
        # Mirror pods are called after their node (kubelet: NAME-NODE): the workload is the same on all nodes.
        return Workload(STATIC_POD, pod.namespace, pod.name.removesuffix(f"-{owner.name}"))
    if _WITH_PARENTS.get(owner.kind) != owner.group:
        return Workload(owner.kind, pod.namespace, owner.name)
    known = parent(pod.namespace, owner)
    if known is None or known.uid != owner.uid:
        return None
    above = known.controller
    return Workload(owner.kind, pod.namespace, owner.name) if above is None else Workload(above.kind, pod.namespace, above.name)


def uid_of(pod: Metadata) -> str:
    """The uid in the paths of the pod's cgroups."""
    return pod.config_hash or pod.uid


def parse_metadata(raw: Mapping[str, Any]) -> Metadata:
    """Of a raw object, whole or metadata alone. Raises LookupError, TypeError, ValueError or AttributeError where it is none."""
    metadata = raw["metadata"]
    uid, name = metadata["uid"], metadata["name"]
    if not (isinstance(uid, str) and isinstance(name, str) and uid and name):
        raise ValueError("an object without uid or name")
    return Metadata(
        uid,
        metadata.get("namespace") or "",
        name,
        metadata.get("resourceVersion") or "",
        metadata.get("labels") or {},
        _controller(metadata.get("ownerReferences") or ()),
        (metadata.get("annotations") or {}).get(CONFIG_HASH, ""),
        _instant(metadata.get("creationTimestamp") or ""),
    )


def _controller(references: Any) -> Controller | None:
    for reference in references:
        if reference.get("controller"):
            group, slash, _ = reference["apiVersion"].rpartition("/")
            return Controller(group if slash else "", reference["kind"], reference["name"], reference["uid"])
    return None


def _instant(text: str) -> int:
    """0 where it is not said."""
    try:
        return parse_instant(text) if text else 0
    except Unreadable as error:
        raise ValueError(str(error)) from error
