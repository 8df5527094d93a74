"""One look at the node: which cgroups there are, what their workloads are called, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Protocol

from producers.identity.cgroups import Cgroup, walk
from producers.identity.holdings import Holding, observe
from producers.identity.netns_tenure import Tenancies
from producers.identity.resolver import Resolver
from producers.identity.served import Served
from producers.identity.socket_users import SocketUsers


class Inventory(Protocol):
    """What the collector asks once a window."""

    node_workload: str
    served: Served
    """Of the last look, for flows since the look before that ended a window: sockets whose user is another than their cgroup."""

    def look(self, ends_window: bool = True) -> Mapping[Holding, int]:
        """What is held now, and since when at the latest (CLOCK_MONOTONIC nanoseconds); names are up to date afterwards."""

    def name(self, cgroup_id: int) -> str:
        """The workload of a cgroup; empty when nobody knows. A pod goes by its uid."""

    def published(self, name: str) -> str:
        """The name that leaves the node, for one of these; the same until the next look."""


class Births(Protocol):
    def drain(self) -> Sequence[Cgroup]:
        """Cgroups made since the last call, whether they live or not."""


class HostInventory:
    """`births`: None where cgroups are known by looks alone."""

    def __init__(self, root: Path, resolver: Resolver, node_workload: str, births: Births | None = None) -> None:
        self.node_workload = node_workload
        self.name = resolver.name
        self.published = resolver.published
        self._births = births
        self._root = root
        self._resolver = resolver
        self._tenancies = Tenancies()
        self._users = SocketUsers()
        self._seen: Set[Holding] = frozenset()
        self._inhabited: frozenset[int] = frozenset()
        self.served = Served()

    def look(self, ends_window: bool = True) -> Mapping[Holding, int]:
        self._tenancies.begin()
        cgroups = tuple(walk(self._root))
        self._resolver.learn(cgroups, self._births.drain() if self._births is not None else ())
        found = observe(cgroups, self._resolver.name, self.node_workload, self._tenancies, self._users)
        tenants = {holding.ip: holding.workload for holding in found.tenants if holding in self._seen}
        inhabited = frozenset(group.id for group in cgroups if group.pids)
        self.served = Served(found.users, tenants, inhabited | self._inhabited)
        self._seen = found.held.keys() if ends_window else found.held.keys() & self._seen
        self._inhabited = inhabited if ends_window else inhabited | self._inhabited
        return found.held
