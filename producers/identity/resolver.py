"""From a socket's cgroup id to the name of the workload that owns the socket."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from producers.identity.cgroups import Cgroup
from producers.identity.name_rules import NameRule, clean, first_match, name_of
from schemas.names import NODE_PREFIX

VANISHED_WALKS = 60
"""A cgroup that is gone keeps its name for so many walks: its last packets are drained after its end."""
VANISHED_LIMIT = 65_536


class Resolver(Protocol):
    """Names sockets' owners. A resolver that asks Kubernetes can take the place of the one that reads paths."""

    def learn(self, cgroups: Iterable[Cgroup]) -> None:
        """Takes in what a walk found; called once a window, before any name is asked for."""

    def name(self, cgroup_id: int) -> str:
        """Workload of a cgroup id; empty where it is unknown."""


class PathResolver:
    """Names by the names file, else by what the path says, below the agent's root; the root is the node itself."""

    def __init__(self, node_id: str, root: Path, mount: Path, rules: tuple[NameRule, ...] = ()) -> None:
        self.node_workload = clean(NODE_PREFIX + node_id)
        self._prefix = "" if root == mount else f"/{root.relative_to(mount)}"
        self._rules = rules
        self._names: dict[int, str] = {}
        self._gone: dict[int, int] = {}

    def learn(self, cgroups: Iterable[Cgroup]) -> None:
        alive = {group.id: group.relative for group in cgroups}
        for cgroup_id in alive.keys() - self._names.keys():
            self._names[cgroup_id] = self._decide(alive[cgroup_id])
        for cgroup_id in self._names.keys() - alive.keys():
            self._gone[cgroup_id] = self._gone.get(cgroup_id, 0) + 1
        self._forget()

    def name(self, cgroup_id: int) -> str:
        return self._names.get(cgroup_id, "")

    @property
    def vanished(self) -> int:
        """Cgroups that are gone and whose names are kept for a while."""
        return len(self._gone)

    def _decide(self, relative: str) -> str:
        named = first_match(self._rules, f"{self._prefix}/{relative}".rstrip("/") or "/")
        if named is not None:
            return named
        return name_of(relative) if relative else self.node_workload

    def _forget(self) -> None:
        """Drops names too long gone, and the longest gone beyond the limit. Ids are never used twice in one boot."""
        ordered = sorted(self._gone, key=self._gone.__getitem__, reverse=True)
        surplus = len(ordered) - VANISHED_LIMIT
        for index, cgroup_id in enumerate(ordered):
            if index < surplus or self._gone[cgroup_id] > VANISHED_WALKS:
                del self._gone[cgroup_id], self._names[cgroup_id]
