"""What is known of each workload: its kind and its labels, from when on, and that it is gone.

Deployments, StatefulSets, DaemonSets and CronJobs are workloads; a ReplicaSet or a Job is one where nothing owns it. A pod without an owner
and a static pod are, too, with their own labels. Of other owners (custom resources), and of kinds that may not be listed, only the kind
is known, for as long as there are pods of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from producers.kubernetes.owners import STATIC_POD, Metadata, Workload
from producers.watcher.pods import PARENTS, Pods
from schemas.records.cluster import WorkloadState

OWNERS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "CronJob"}) | PARENTS
LABELS = 256
"""Labels that are told of one thing at most, the first by name: readers refuse more."""
GONE_US = 600_000_000
"""How long a workload that is gone is remembered, for a new leader to tell."""


class Workloads:
    """`listed`: kinds of OWNERS that the API server lists; `forbid` takes one out. One caller at a time."""

    def __init__(self, pods: Pods, network: str) -> None:
        self._pods = pods
        self._network = network
        self._listed = set(OWNERS)
        self._owners: dict[Workload, Metadata] = {}
        self._states: dict[Workload, WorkloadState] = {}
        self._gone: dict[Workload, None] = {}  # the first to go first
        self._earlier: dict[Workload, WorkloadState] = {}
        self._dirty: set[Workload] = set()

    def __len__(self) -> int:
        return len(self._states) - len(self._gone)

    def forbid(self, kind: str) -> None:
        """The kind may not be listed."""
        self._listed.discard(kind)
        self._dirty.update(workload for workload in self._pods.workloads() if workload.kind == kind)

    def owner_changed(self, kind: str, owner: Metadata) -> None:
        workload = Workload(kind, owner.namespace, owner.name)
        self._listed.add(kind)
        if owner.controller is None:
            self._owners[workload] = owner
        else:
            self._owners.pop(workload, None)
        self._dirty.add(workload)

    def owner_deleted(self, kind: str, owner: Metadata) -> None:
        workload = Workload(kind, owner.namespace, owner.name)
        self._owners.pop(workload, None)
        self._dirty.add(workload)

    def owners_replaced(self, kind: str, owners: Iterable[Metadata]) -> None:
        self._listed.add(kind)
        before = [workload for workload in self._owners if workload.kind == kind]
        for workload in before:
            del self._owners[workload]
        self._dirty.update(before)
        for owner in owners:
            self.owner_changed(kind, owner)

    def inherit(self, told: Iterable[WorkloadState]) -> None:
        """What an earlier watcher has told: what still is so has been so since then, and what is not there is gone."""
        for state in told:
            workload = Workload(state.kind, state.namespace, state.name.rpartition("/")[2])
            if state.network == self._network and state.name == str(workload):
                self._earlier[workload] = state
                self._dirty.add(workload)

    def settle(self, now_us: int) -> list[WorkloadState]:
        """What has changed since the last call, by name."""
        self._dirty |= self._pods.take_workloads()
        changes = [state for workload in self._dirty if (state := self._look(workload, now_us)) is not None]
        self._dirty.clear()
        for workload in tuple(self._gone):
            if self._states[workload].at_us + GONE_US > now_us:
                break
            del self._gone[workload], self._states[workload]
        return sorted(changes, key=lambda state: (state.at_us, state.kind, state.name))

    def standing(self) -> Iterator[WorkloadState]:
        """All that is, and what went lately."""
        return iter(self._states.values())

    def _look(self, workload: Workload, now_us: int) -> WorkloadState | None:
        found = self._found(workload)
        earlier = self._earlier.pop(workload, None)
        before = self._states.get(workload) or earlier
        if found is None:
            if before is None or not before.exists:
                return None
            state = self._state(workload, before.labels, False, max(now_us, before.at_us + 1))
            self._gone[workload] = None
        else:
            labels, created_us = found
            state = self._state(workload, labels, True, _at_us(before, labels, created_us, now_us))
            self._gone.pop(workload, None)
        if self._states.get(workload) == state:
            return None
        self._states[workload] = state
        return state

    def _found(self, workload: Workload) -> tuple[Mapping[str, str], int] | None:
        """Labels, and since when it exists."""
        if workload.kind in self._listed:
            owner = self._owners.get(workload)
            return None if owner is None else (_bounded(owner.labels), owner.created_us)
        pods = self._pods.of(workload)
        if not pods:
            return None
        own = workload.kind in ("Pod", STATIC_POD)
        return _bounded(pods[0].labels) if own else {}, pods[0].created_us

    def _state(self, workload: Workload, labels: Mapping[str, str], exists: bool, at_us: int) -> WorkloadState:
        return WorkloadState(self._network, str(workload), workload.kind, workload.namespace, labels, exists, at_us)


def _at_us(before: WorkloadState | None, labels: Mapping[str, str], created_us: int, now_us: int) -> int:
    """From when on the workload has these labels. Creation is known to the second, so it may seem to be before an earlier end."""
    if before is None:
        return created_us
    if not before.exists:
        return max(created_us, before.at_us + 1)
    if dict(before.labels) == dict(labels):
        return before.at_us
    return max(now_us, before.at_us + 1)


def _bounded(labels: Mapping[str, str]) -> Mapping[str, str]:
    return labels if len(labels) <= LABELS else dict(sorted(labels.items())[:LABELS])
