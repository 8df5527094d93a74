"""What each workload holds at this moment: addresses of its own, or ports on addresses that it shares."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from producers.cgroups import Cgroup
from producers.listeners import Listener, listeners
from producers.namespaces import host_namespaces, inside, namespace_of
from producers.netlink import NETLINK_ROUTE, RTM_GETADDR, attributes, dump

_ADDRESS, _LOCAL = 1, 2
_TENTATIVE_OR_FAILED = 0x48
_MAPPED = bytes(10) + b"\xff\xff"


@dataclass(frozen=True, order=True)
class Holding:
    """A workload holds this address whole (port 0), or listens there on one port."""

    ip: bytes
    workload: str
    port: int = 0
    protocol: int = 0


@dataclass
class _Tenants:
    """The workloads of one namespace, and one process to enter it by."""

    pid: int
    workloads: set[str] = field(default_factory=set)


def observe(cgroups: Iterable[Cgroup], name: Callable[[int], str], node_workload: str) -> frozenset[Holding]:
    """Everything that the agent's workloads hold now, whether they speak or not."""
    hosts = host_namespaces()
    found: set[Holding] = set()
    for namespace, tenants in _tenants(cgroups, name).items():
        try:
            with inside(tenants.pid, namespace):
                addresses = local_addresses()
                shared = namespace in hosts or len(tenants.workloads) > 1
                bound = tuple(listeners()) if shared and addresses else ()
        except OSError:
            continue  # The namespace went away as we looked; what it held, nobody holds.
        if shared:
            found |= _shared(addresses, bound, name, node_workload)
        else:
            (workload,) = tenants.workloads
            found |= {Holding(ip, workload) for ip in addresses}
    return frozenset(found)


def _tenants(cgroups: Iterable[Cgroup], name: Callable[[int], str]) -> dict[int, _Tenants]:
    spaces: dict[int, _Tenants] = {}
    for cgroup in cgroups:
        for pid in cgroup.pids:
            namespace = namespace_of(pid)
            if namespace is not None:
                spaces.setdefault(namespace, _Tenants(pid)).workloads.add(name(cgroup.id))
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


def local_addresses() -> tuple[bytes, ...]:
    """The addresses of the calling thread's namespace, 16 bytes each, without loopback and link-local ones."""
    found: set[bytes] = set()
    for payload in dump(NETLINK_ROUTE, RTM_GETADDR, struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, _, flags, _, _ = struct.unpack_from("=BBBBI", payload)
        extra = attributes(payload, 8)
        raw = extra.get(_LOCAL, extra.get(_ADDRESS, b""))
        if family == socket.AF_INET and len(raw) == 4:
            raw = _MAPPED + raw
        if len(raw) == 16 and not (family == socket.AF_INET6 and flags & _TENTATIVE_OR_FAILED) and is_global(raw):
            found.add(raw)
    return tuple(sorted(found))


def is_global(raw: bytes) -> bool:
    """Whether an address can name its holder to others: not loopback, link-local, multicast or unspecified."""
    if raw.startswith(_MAPPED):
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(raw[12:])
    else:
        ip = ipaddress.IPv6Address(raw)
    broadcast = raw == _MAPPED + b"\xff\xff\xff\xff"
    return not (broadcast or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)
