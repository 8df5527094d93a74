"""Sockets that are served by another workload than the one whose cgroup made them, as the last look found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Service = tuple[int, bytes, int, int]
"""A served socket as a flow shows it: its cgroup, local address, port and protocol."""


@dataclass(frozen=True)
class Served:
    """The exceptions to "a socket's cgroup is its user's"; empty on most nodes.

    `users`: of sockets in a namespace that workloads share, where the user is another than the maker; "" where there are several.
    `tenants`: address -> the one workload of its namespace, at this look and those back to the last window's end: whatever is
    served there, it serves.
    `inhabited`: cgroups with processes, at any of these looks. What they serve at a tenant's address keeps their name: the
    address may have been theirs for a part of the window, or they answer in the tenant's place (a transparent proxy).
    """

    users: Mapping[Service, str] = field(default_factory=dict)
    tenants: Mapping[bytes, str] = field(default_factory=dict)
    inhabited: frozenset[int] = frozenset()

    def may_differ(self, cgroup_ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """For each cgroup, whether `user` need be asked about what it serves."""
        makers = {service[0] for service in self.users}
        strangers = bool(self.tenants)
        return np.array([id in makers or (strangers and id not in self.inhabited) for id in cgroup_ids.tolist()], bool)

    def user(self, service: Service) -> str | None:
        """None where the name of the socket's cgroup stands."""
        cgroup_id, ip, _, _ = service
        if service in self.users:
            return self.users[service]
        return None if cgroup_id in self.inhabited else self.tenants.get(ip)


NO_EXCEPTIONS = Served()
