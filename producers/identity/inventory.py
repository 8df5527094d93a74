"""One look at the node: which cgroups there are, what their workloads are called, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from producers.identity.cgroups import walk
from producers.identity.holdings import Holding, observe
from producers.identity.netns_tenure import Tenancies
from producers.identity.resolver import Resolver


class Inventory(Protocol):
    """What the collector asks once a window."""

    node_workload: str

    def look(self) -> Mapping[Holding, int]:
        """What is held now, and since when at the latest (CLOCK_MONOTONIC nanoseconds); names are up to date afterwards."""

    def name(self, cgroup_id: int) -> str:
        """The workload of a cgroup; empty when nobody knows."""


class HostInventory:
    def __init__(self, root: Path, resolver: Resolver, node_workload: str) -> None:
        self.node_workload = node_workload
        self.name = resolver.name
        self._root = root
        self._resolver = resolver
        self._tenancies = Tenancies()

    def look(self) -> Mapping[Holding, int]:
        self._tenancies.begin()
        cgroups = tuple(walk(self._root))
        self._resolver.learn(cgroups)
        return observe(cgroups, self._resolver.name, self.node_workload, self._tenancies)
