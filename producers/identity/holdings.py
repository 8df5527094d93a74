"""What each workload holds at this moment: addresses of its own, or ports on addresses that it shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from producers.identity.cgroups import Cgroup
from producers.identity.creation_times import now_ns
from producers.identity.listeners import Listener, listeners
from producers.identity.namespaces import host_namespaces, inside, namespace_of
from producers.identity.netns_addresses import local_addresses
from producers.identity.netns_tenure import Occupant, Tenancies, namespace_cookie


@dataclass(frozen=True, order=True)
class Holding:
    """A workload holds this address whole (port 0), or listens there on one port."""

    ip: bytes
    workload: str
    port: int = 0
    protocol: int = 0


@dataclass
class _Tenants:
    """The workloads of one namespace and their processes, by any of which it can be entered."""

    workloads: set[str] = field(default_factory=set)
    occupants: list[Occupant] = field(default_factory=list)


def observe(
    cgroups: Iterable[Cgroup], name: Callable[[int], str], node_workload: str, tenancies: Tenancies | None = None
) -> dict[Holding, int]:
    """Everything that the agent's workloads hold now, whether they speak or not, and since when that is certain.

    Instants are CLOCK_MONOTONIC nanoseconds. What is shared is certain of the present only.
    """
    hosts, tenancies = host_namespaces(), tenancies or Tenancies()
    found: dict[Holding, int] = {}
    for namespace, tenants in _tenants(cgroups, name).items():
        try:
            with inside(tenants.occupants[0].pid, namespace):
                addresses = local_addresses()
                shared = namespace in hosts or len(tenants.workloads) > 1
                bound = tuple(listeners()) if shared and addresses else ()
                cookie = None if shared else namespace_cookie()
        except OSError:
            continue  # The namespace went away as we looked; what it held, nobody holds.
        if shared:
            found |= dict.fromkeys(_shared([address.ip for address in addresses], bound, name, node_workload), now_ns())
            continue
        (workload,) = tenants.workloads
        tenant_since = tenancies.since(cookie, workload, tenants.occupants)
        for address in addresses:
            holding, since = Holding(address.ip, workload), max(address.since_ns, tenant_since)
            found[holding] = max(since, found.get(holding, since))
    return found


def _tenants(cgroups: Iterable[Cgroup], name: Callable[[int], str]) -> dict[int, _Tenants]:
    spaces: dict[int, _Tenants] = {}
    for cgroup in cgroups:
        for pid in cgroup.pids:
            namespace = namespace_of(pid)
            if namespace is not None:
                tenants = spaces.setdefault(namespace, _Tenants())
                tenants.workloads.add(name(cgroup.id))
                tenants.occupants.append(Occupant(pid, cgroup.born_ns))
    return spaces


def _shared(addresses: Iterable[bytes], bound: Iterable[Listener], name: Callable[[int], str], node: str) -> set[Holding]:
    """The node for each address as a whole, and each workload for the ports that it alone listens on."""
    found: set[Holding] = set()
    by_port: dict[tuple[bytes, int, int], set[str]] = defaultdict(set)
    for ip in addresses:
        found.add(Holding(ip, node))
        for listener in bound:
            if listener.covers(ip):
                by_port[ip, listener.port, listener.protocol].add(name(listener.cgroup_id))
    for (ip, port, protocol), workloads in by_port.items():
        # Two workloads on one port (SO_REUSEPORT), or one that the agent does not see, leave it to the node.
        if len(workloads) == 1 and "" not in workloads and node not in workloads:
            found.add(Holding(ip, workloads.pop(), port, protocol))
    return found
