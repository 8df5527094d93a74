"""What each workload holds at this moment: addresses of its own, or ports on addresses that it shares."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from producers.identity.cgroups import Cgroup
from producers.identity.creation_times import now_ns
from producers.identity.listeners import Listener, listeners
from producers.identity.namespaces import host_namespaces, inside, namespace_of
from producers.identity.netns_addresses import local_addresses
from producers.identity.netns_tenure import Occupant, Tenancies, namespace_cookie
from producers.identity.served import Service
from producers.identity.socket_users import SocketUsers
from schemas.addresses import parse_address

_LOOPBACK = (parse_address("127.0.0.1"), parse_address("::1"))


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


@dataclass(frozen=True)
class Found:
    """`held`: since when each holding is certain, CLOCK_MONOTONIC nanoseconds; what is shared is certain of the present only.

    `tenants`: the holdings of addresses that one namespace alone has, and one workload in it.
    `users`: of listening sockets in shared namespaces, where that is not the socket's cgroup; "" where there are several.
    """

    held: dict[Holding, int]
    tenants: frozenset[Holding]
    users: dict[Service, str]


@dataclass(frozen=True)
class _SharedSpace:
    addresses: tuple[bytes, ...]
    bound: tuple[Listener, ...]


def observe(
    cgroups: Sequence[Cgroup],
    name: Callable[[int], str],
    node_workload: str,
    tenancies: Tenancies | None = None,
    users: SocketUsers | None = None,
) -> Found:
    """Everything that the agent's workloads hold now, whether they speak or not, and who uses which listening socket."""
    hosts, tenancies, users = host_namespaces(), tenancies or Tenancies(), users or SocketUsers()
    held: dict[Holding, int] = {}
    shared: list[_SharedSpace] = []
    for namespace, tenants in _tenants(cgroups, name).items():
        is_shared = namespace in hosts or len(tenants.workloads) > 1
        try:
            with inside(tenants.occupants[0].pid, namespace):
                addresses = local_addresses()
                bound = tuple(listeners()) if is_shared and addresses else ()
                cookie = None if is_shared else namespace_cookie()
        except OSError:
            continue  # The namespace went away as we looked; what it held, nobody holds.
        if is_shared:
            shared.append(_SharedSpace(tuple(address.ip for address in addresses), bound))
            continue
        (workload,) = tenants.workloads
        tenant_since = tenancies.since(cookie, workload, tenants.occupants)
        for address in addresses:
            holding, since = Holding(address.ip, workload), max(address.since_ns, tenant_since)
            held[holding] = max(since, held.get(holding, since))
    alone = _alone(held, shared)
    users.look(cgroups, [listener for space in shared for listener in space.bound])
    user_of = partial(users.user, name=name)
    for space in shared:
        held |= dict.fromkeys(_shared(space, user_of, node_workload), now_ns())
    return Found(held, alone, _other_users(shared, user_of, name))


def _alone(held: Iterable[Holding], shared: Iterable[_SharedSpace]) -> frozenset[Holding]:
    """Those whose address no other namespace of this node has."""
    holders = Counter(holding.ip for holding in held) + Counter(ip for space in shared for ip in space.addresses)
    return frozenset(holding for holding in held if holders[holding.ip] == 1)


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


def _shared(space: _SharedSpace, user_of: Callable[[Listener], str], node: str) -> set[Holding]:
    """The node for each address as a whole, and each workload for the ports that it alone listens on."""
    found: set[Holding] = set()
    by_port: dict[tuple[bytes, int, int], set[str]] = defaultdict(set)
    for ip in space.addresses:
        found.add(Holding(ip, node))
        for listener in space.bound:
            if listener.covers(ip):
                by_port[ip, listener.port, listener.protocol].add(user_of(listener))
    for (ip, port, protocol), workloads in by_port.items():
        # Two workloads on one port (SO_REUSEPORT), or one that the agent does not see, leave it to the node.
        if len(workloads) == 1 and "" not in workloads and node not in workloads:
            found.add(Holding(ip, workloads.pop(), port, protocol))
    return found


def _other_users(shared: Iterable[_SharedSpace], user_of: Callable[[Listener], str], name: Callable[[int], str]) -> dict[Service, str]:
    """The exceptions alone. Sockets that a flow cannot tell apart, with several users, have none."""
    users: dict[Service, set[str]] = defaultdict(set)
    for space in shared:
        for listener in space.bound:
            for ip in (*space.addresses, *_LOOPBACK):
                if listener.covers(ip):
                    users[listener.cgroup_id, ip, listener.port, listener.protocol].add(user_of(listener))
    return {service: min(names) if len(names) == 1 else "" for service, names in users.items() if names != {name(service[0])}}
