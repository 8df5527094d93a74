"""Pods and the workloads they belong to: which pod exists, what its workload is called, and whose name has changed."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

from producers.kubernetes.owners import Controller, Metadata, Workload, workload_of

GONE_US = 60_000_000
"""How long the workload of a pod that is gone is remembered: an endpoint may name the pod a while longer."""
PARENTS = frozenset({"ReplicaSet", "Job"})


@dataclass(slots=True)
class _Pod:
    metadata: Metadata
    workload: Workload | None


class Pods:
    """Told of pods, ReplicaSets and Jobs in any order; answers by uid. A name once known stays while the pod's owner is the same."""

    def __init__(self) -> None:
        self._pods: dict[str, _Pod] = {}
        self._parents: dict[str, tuple[str, Metadata]] = {}
        self._children: dict[str, set[str]] = {}
        self._gone: dict[str, tuple[str, int]] = {}  # by uid: the workload's name, and when; the oldest first
        self._of_workload: dict[Workload, set[str]] = {}
        self._touched: set[str] = set()
        self._workloads: set[Workload] = set()

    def __len__(self) -> int:
        return len(self._pods)

    def changed(self, pod: Metadata) -> None:
        known = self._pods.get(pod.uid)
        if known is None:
            self._pods[pod.uid] = known = _Pod(pod, None)
        elif known.metadata.controller != pod.controller:
            self._disown(known)
            self._name(known, None)
        known.metadata = pod
        owner = pod.controller
        if owner is not None and owner.kind in PARENTS:
            self._children.setdefault(owner.uid, set()).add(pod.uid)
        self._resolve(known)
        if known.workload is not None:
            self._workloads.add(known.workload)  # A bare pod's labels may be others.
        self._touched.add(pod.uid)

    def deleted(self, uid: str, now_us: int) -> None:
        known = self._pods.pop(uid, None)
        if known is None:
            return
        self._disown(known)
        self._gone[uid] = ("" if known.workload is None else str(known.workload), now_us)
        self._name(known, None)
        self._touched.add(uid)

    def parent_changed(self, kind: str, parent: Metadata) -> None:
        """`kind`: one of PARENTS."""
        _, before = self._parents.get(parent.uid, (kind, None))
        self._parents[parent.uid] = kind, parent
        if before is None or before.controller != parent.controller:
            for uid in self._children.get(parent.uid, ()):
                self._resolve(self._pods[uid])

    def parent_deleted(self, uid: str) -> None:
        """Pods that it still has keep their names."""
        self._parents.pop(uid, None)

    def replaced(self, pods: Iterable[Metadata], now_us: int) -> None:
        pods = tuple(pods)
        for uid in self._pods.keys() - {pod.uid for pod in pods}:
            self.deleted(uid, now_us)
        for pod in pods:
            self.changed(pod)

    def parents_replaced(self, kind: str, parents: Iterable[Metadata]) -> None:
        """All parents of that kind."""
        parents = tuple(parents)
        for uid in {uid for uid, (its, _) in self._parents.items() if its == kind} - {parent.uid for parent in parents}:
            self.parent_deleted(uid)
        for parent in parents:
            self.parent_changed(kind, parent)

    def exists(self, uid: str) -> bool:
        return uid in self._pods

    def name_of(self, uid: str) -> str:
        """namespace/owner; empty: not known."""
        known = self._pods.get(uid)
        if known is None:
            return self._gone.get(uid, ("", 0))[0]
        return "" if known.workload is None else str(known.workload)

    def of_names(self, names: Set[str]) -> dict[str, set[str]]:
        """The uids of all pods of workloads that are called so, by name."""
        found: dict[str, set[str]] = {}
        for workload, uids in self._of_workload.items():
            if str(workload) in names:
                found.setdefault(str(workload), set()).update(uids)
        return found

    def of(self, workload: Workload) -> list[Metadata]:
        """Its pods, the oldest first."""
        return sorted((self._pods[uid].metadata for uid in self._of_workload.get(workload, ())), key=lambda pod: (pod.created_us, pod.uid))

    def workloads(self) -> Iterable[Workload]:
        """Those that have pods."""
        return self._of_workload.keys()

    def take_touched(self, now_us: int) -> set[str]:
        """Uids of pods that came, went or changed their names since the last call. What is gone for GONE_US is forgotten."""
        while self._gone:
            uid, (_, gone_us) = next(iter(self._gone.items()))
            if gone_us + GONE_US > now_us:
                break
            del self._gone[uid]
        touched, self._touched = self._touched, set()
        return touched

    def take_workloads(self) -> set[Workload]:
        """Workloads whose pods came, went or changed since the last call."""
        taken, self._workloads = self._workloads, set()
        return taken

    def _disown(self, pod: _Pod) -> None:
        owner = pod.metadata.controller
        children = self._children.get(owner.uid) if owner is not None else None
        if owner is not None and children is not None:
            children.discard(pod.metadata.uid)
            if not children:
                del self._children[owner.uid]

    def _resolve(self, pod: _Pod) -> None:
        found = workload_of(pod.metadata, self._parent)
        if found is not None:
            self._name(pod, found)

    def _name(self, pod: _Pod, workload: Workload | None) -> None:
        if pod.workload == workload:
            return
        uid, before = pod.metadata.uid, pod.workload
        if before is not None:
            self._of_workload[before].discard(uid)
            if not self._of_workload[before]:
                del self._of_workload[before]
        if workload is not None:
            self._of_workload.setdefault(workload, set()).add(uid)
        self._workloads.update(filter(None, (before, workload)))
        pod.workload = workload
        self._touched.add(uid)

    def _parent(self, namespace: str, owner: Controller) -> Metadata | None:
        return self._parents.get(owner.uid, ("", None))[1]
