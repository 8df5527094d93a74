"""Network policies as values, in words that NetworkPolicy, CiliumNetworkPolicy and Calico's NetworkPolicy have in common.

A policy selects pods of its namespace. In a direction that a policy speaks of, a selected pod may do what some policy allows, and nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

Network = IPv4Network | IPv6Network
Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]
Kind = Literal["", "node", "api_server", "outside"]
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Of every namespace, set by the API server: its name."""


@dataclass(frozen=True, order=True)
class Requirement:
    """Of a label: that it has one of the values, none of them (or is absent), is there, or is not."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Selector:
    """All must hold; without any, all is selected. `labels`: (key, value), by key."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, order=True)
class Pods:
    """Pods of the selected namespaces; `namespaces` None: of the policy's own."""

    pods: Selector
    namespaces: Selector | None = None


@dataclass(frozen=True, order=True)
class Block:
    """Addresses of `cidr` that are in none of `excepted`."""

    cidr: str
    excepted: tuple[str, ...] = ()

    @property
    def networks(self) -> tuple[Network, tuple[Network, ...]]:
        return ip_network(self.cidr), tuple(map(ip_network, self.excepted))


@dataclass(frozen=True, order=True)
class Domain:
    """What a name of DNS stands for: CiliumNetworkPolicy alone can say it."""

    name: str


@dataclass(frozen=True, order=True)
class Entity:
    """The cluster's nodes, or its API server, where a policy can name them."""

    name: Literal["node", "api_server"]


Peer = Pods | Block | Domain | Entity


@dataclass(frozen=True, order=True)
class Port:
    """`protocol`: tcp, udp or sctp. `port` 0: every port. `end` 0: that one port."""

    protocol: str
    port: int = 0
    end: int = 0


@dataclass(frozen=True)
class Rule:
    """Any of the peers at any of the ports. No peers: anyone. No ports: every port and protocol. `note`: why it is there."""

    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]
    note: str = ""


@dataclass(frozen=True)
class Policy:
    """`ingress`, `egress`: None: it does not speak of the direction; empty: nothing is allowed. `notes`: for who reads it."""

    name: str
    namespace: str
    pods: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None
    notes: tuple[str, ...] = ()
