"""From a socket's cgroup id to the name of the workload that owns the socket."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from pathlib import Path
from typing import Protocol

from producers.identity.cgroups import Cgroup
from producers.identity.name_rules import POD_PREFIX, NameRule, clean, first_match, name_of, pod_of
from schemas.names import NODE_PREFIX

VANISHED_WALKS = 60
"""A cgroup that is gone keeps its name for so many walks: its last packets are drained after its end."""
VANISHED_LIMIT = 65_536
POD_SECONDS = 1.0
"""How long a look waits, in all, for the names of pods that it meets for the first time."""


class Resolver(Protocol):
    """Names sockets' owners."""

    def learn(self, cgroups: Iterable[Cgroup], births: Iterable[Cgroup] = ()) -> None:
        """Takes in what a walk found, and what was made since the last; called once a window, before any name is asked for."""

    def name(self, cgroup_id: int) -> str:
        """Who a cgroup belongs to; empty where it is unknown. A pod goes by its uid: who held what when is decided pod by pod."""

    def published(self, name: str) -> str:
        """The name that leaves the node: of a pod its workload's, where that is known; any other as it is."""


class PodNames(Protocol):
    """Whoever knows pods' names by their uids."""

    def find(self, uids: Collection[str], seconds: float = 0.0) -> Mapping[str, str]:
        """The names of those that have one. Waits at most `seconds` for others that may be told soon."""


class PathResolver:
    """Names by the names file, else by what the path says, below the agent's root; the root is the node itself.

    `pods` knows pods' workloads; asked at each look about those whose workload is not known yet.
    """

    def __init__(self, node_id: str, root: Path, mount: Path, rules: tuple[NameRule, ...] = (), pods: PodNames | None = None) -> None:
        self.node_workload = clean(NODE_PREFIX + node_id)
        self._prefix = "" if root == mount else f"/{root.relative_to(mount)}"
        self._rules = rules
        self._pods = pods
        self._names: dict[int, str] = {}
        self._uids: dict[int, str] = {}
        self._pod_names: dict[str, str] = {}
        self._gone: dict[int, int] = {}

    def learn(self, cgroups: Iterable[Cgroup], births: Iterable[Cgroup] = ()) -> None:
        alive = {group.id: group.relative for group in cgroups}
        found = {group.id: group.relative for group in births} | alive
        met = set(self._uids.values())
        for cgroup_id in found.keys() - self._names.keys():
            self._decide(cgroup_id, found[cgroup_id])
        self._name_pods(set(self._uids.values()) - met)
        for cgroup_id in self._names.keys() - alive.keys():
            self._gone[cgroup_id] = self._gone.get(cgroup_id, 0) + 1
        self._forget()

    def name(self, cgroup_id: int) -> str:
        return self._names.get(cgroup_id, "")

    def published(self, name: str) -> str:
        return self._pod_names.get(name.removeprefix(POD_PREFIX), name) if name.startswith(POD_PREFIX) else name

    @property
    def vanished(self) -> int:
        """Cgroups that are gone and whose names are kept for a while."""
        return len(self._gone)

    def _decide(self, cgroup_id: int, relative: str) -> None:
        named = first_match(self._rules, f"{self._prefix}/{relative}".rstrip("/") or "/")
        if named is None and (uid := pod_of(relative)):
            self._uids[cgroup_id] = uid
        if named is None:
            named = name_of(relative) if relative else self.node_workload
        self._names[cgroup_id] = named

    def _name_pods(self, fresh: Set[str]) -> None:
        """`fresh`: pods met at this look. They alone are waited for, once: some are of no cluster that is asked."""
        unnamed = set(self._uids.values()) - self._pod_names.keys()
        if self._pods is None or not unnamed:
            return
        if fresh:
            self._pods.find(fresh, POD_SECONDS)
        self._pod_names |= {uid: clean(name) for uid, name in self._pods.find(unnamed).items()}

    def _forget(self) -> None:
        """Drops names too long gone, and the longest gone beyond the limit. Ids are never used twice in one boot."""
        ordered = sorted(self._gone, key=self._gone.__getitem__, reverse=True)
        surplus = len(ordered) - VANISHED_LIMIT
        for index, cgroup_id in enumerate(ordered):
            if index < surplus or self._gone[cgroup_id] > VANISHED_WALKS:
                del self._gone[cgroup_id], self._names[cgroup_id]
                self._uids.pop(cgroup_id, None)
        if len(self._pod_names) > len(self._uids):
            known = set(self._uids.values())
            self._pod_names = {uid: name for uid, name in self._pod_names.items() if uid in known}
