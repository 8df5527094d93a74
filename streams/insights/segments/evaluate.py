"""Whether policies let a connection through, by the rules of networking.k8s.io/v1: both sides must allow it.

A pod that no policy selects in a direction may do everything there. A node reaches the pods on it, whatever policies say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address

from streams.insights.segments.policy import NAMESPACE_LABEL, Block, Domain, Entity, Kind, Peer, Pods, Policy, Port, Rule, Selector

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Endpoint:
    """An end of a connection. `kind` "" is a pod. `domain`: the name by which its client asked for it. `address` None: not known."""

    kind: Kind = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    address: Address | None = None
    domain: str = ""

    @property
    def is_pod(self) -> bool:
        return self.kind == ""

    @cached_property
    def all_namespace_labels(self) -> Mapping[str, str]:
        return {NAMESPACE_LABEL: self.namespace, **self.namespace_labels}


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.labels):
        return False
    for one in selector.requirements:
        value = labels.get(one.key)
        held = {
            "In": value is not None and value in one.values,
            "NotIn": value is None or value not in one.values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[one.operator]
        if not held:
            return False
    return True


class Policies:
    """Policies, ready to be asked: by their namespace and the first label that they select by, None where there is no label."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._by_label: dict[tuple[str, tuple[str, str] | None], list[Policy]] = {}
        self._by_port: dict[int, _ByPort] = {}
        for policy in policies:
            self._by_label.setdefault((policy.namespace, next(iter(policy.pods.labels), None)), []).append(policy)

    def selecting(self, pod: Endpoint) -> Sequence[Policy]:
        """Those that speak of the pod."""
        if not pod.is_pod:
            return ()
        near = (policy for label in (None, *pod.labels.items()) for policy in self._by_label.get((pod.namespace, label), ()))
        return [policy for policy in near if selects(policy.pods, pod.labels)]

    def allow(self, client: Endpoint, server: Endpoint, protocol: str, port: int) -> bool:
        return self.allow_egress(self.selecting(client), server, protocol, port) and self.allow_ingress(
            self.selecting(server), client, protocol, port
        )

    def allow_egress(self, policies: Sequence[Policy], server: Endpoint, protocol: str, port: int) -> bool:
        """`policies`: those that select the client."""
        spoken = [policy for policy in policies if policy.egress is not None]
        return not spoken or any(self._allows(policy, policy.egress or (), server, protocol, port) for policy in spoken)

    def allow_ingress(self, policies: Sequence[Policy], client: Endpoint, protocol: str, port: int) -> bool:
        """`policies`: those that select the server."""
        if client.kind == "node":
            return True
        spoken = [policy for policy in policies if policy.ingress is not None]
        return not spoken or any(self._allows(policy, policy.ingress or (), client, protocol, port) for policy in spoken)

    def _allows(self, policy: Policy, rules: tuple[Rule, ...], other: Endpoint, protocol: str, port: int) -> bool:
        if id(rules) not in self._by_port:
            self._by_port[id(rules)] = _ByPort.of(rules)
        return _allows(policy, self._by_port[id(rules)].speaking(protocol, port), other, protocol, port)


@dataclass(frozen=True)
class _ByPort:
    """`single`: rules that name single ports, by each of them; `others`: of ranges, or of any port.

    `rules`: all of them. They are kept here, so that no others can have their id.
    """

    rules: tuple[Rule, ...]
    single: Mapping[tuple[str, int], Sequence[Rule]]
    others: Sequence[Rule]

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> _ByPort:
        single: dict[tuple[str, int], list[Rule]] = {}
        others = []
        for rule in rules:
            if rule.ports and all(0 < one.port >= one.end for one in rule.ports):
                for one in rule.ports:
                    single.setdefault((one.protocol, one.port), []).append(rule)
            else:
                others.append(rule)
        return cls(rules, single, others)

    def speaking(self, protocol: str, port: int) -> Sequence[Rule]:
        """Those that may speak of the port."""
        return [*self.single.get((protocol, port), ()), *self.others]


def _allows(policy: Policy, rules: Sequence[Rule], other: Endpoint, protocol: str, port: int) -> bool:
    return any(
        (not rule.ports or any(_is_at(one, protocol, port) for one in rule.ports))
        and (not rule.peers or any(_is_peer(policy, one, other) for one in rule.peers))
        for rule in rules
    )


def _is_at(one: Port, protocol: str, port: int) -> bool:
    return one.protocol == protocol and (one.port == 0 or one.port <= port <= max(one.port, one.end))


def _is_peer(policy: Policy, peer: Peer, other: Endpoint) -> bool:
    match peer:
        case Pods(pods, None):
            return other.is_pod and other.namespace == policy.namespace and selects(pods, other.labels)
        case Pods(pods, namespaces):
            return (
                namespaces is not None and other.is_pod and selects(namespaces, other.all_namespace_labels) and selects(pods, other.labels)
            )
        case Block():
            network, excepted = peer.networks
            return other.address is not None and other.address in network and not any(other.address in one for one in excepted)
        case Domain(name):
            return other.domain == name
        case Entity(name):
            return other.kind == name
