"""Manifests read back: which peer may be reached at which port, as a set, whatever the rules are cut into."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml  # type: ignore[import-untyped]

from streams.insights.segments.policy import NAMESPACE_LABEL, Block, Domain, Entity, Peer, Pods, Policy, Port, Requirement, Selector

Atoms = frozenset[tuple[Peer | None, Port | None]]
Read = tuple[str, str, Selector, Atoms | None, Atoms | None]


def as_read(policy: Policy) -> Read:
    def atoms(rules: Any) -> Atoms | None:
        if rules is None:
            return None
        return frozenset((peer, port) for rule in rules for peer in rule.peers or (None,) for port in rule.ports or (None,))

    return policy.name, policy.namespace, policy.pods, atoms(policy.ingress), atoms(policy.egress)


def read(text: str) -> list[Read]:
    return [_READERS[found["kind"], found["apiVersion"]](found) for found in yaml.safe_load_all(text)]


def _selector(found: dict[str, Any]) -> Selector:
    expressions = (Requirement(one["key"], one["operator"], tuple(one.get("values", ()))) for one in found.get("matchExpressions", ()))
    return Selector(tuple(sorted(found.get("matchLabels", {}).items())), tuple(expressions))


def _kubernetes(found: dict[str, Any]) -> Read:
    spec = found["spec"]
    assert set(spec["policyTypes"]) == {name.capitalize() for name in ("ingress", "egress") if name in spec}

    def peer(one: dict[str, Any]) -> Peer:
        if "ipBlock" in one:
            return Block(one["ipBlock"]["cidr"], tuple(one["ipBlock"].get("except", ())))
        return Pods(_selector(one["podSelector"]), _selector(one["namespaceSelector"]) if "namespaceSelector" in one else None)

    def port(one: dict[str, Any]) -> Port:
        return Port(one["protocol"].lower(), one.get("port", 0), one.get("endPort", 0))

    def atoms(rules: Iterable[dict[str, Any]], side: str) -> Atoms:
        return frozenset(
            (who, where)
            for rule in rules
            for who in [peer(one) for one in rule.get(side, ())] or [None]
            for where in [port(one) for one in rule.get("ports", ())] or [None]
        )

    ingress, egress = (atoms(spec[name], side) if name in spec else None for name, side in (("ingress", "from"), ("egress", "to")))
    return found["metadata"]["name"], found["metadata"]["namespace"], _selector(spec["podSelector"]), ingress, egress


def _cilium(found: dict[str, Any]) -> Read:
    spec = found["spec"]
    namespace, of_namespace = "k8s:io.kubernetes.pod.namespace", "k8s:io.cilium.k8s.namespace.labels."

    def is_space(key: str) -> bool:
        return key == namespace or key.startswith(of_namespace)

    def plain(key: str) -> str:
        return NAMESPACE_LABEL if key == namespace else key.removeprefix(of_namespace).removeprefix("k8s:")

    def parts(one: dict[str, Any], spaces: bool) -> Selector:
        labels = {plain(key): value for key, value in one.get("matchLabels", {}).items() if is_space(key) == spaces}
        expressions = [{**each, "key": plain(each["key"])} for each in one.get("matchExpressions", ()) if is_space(each["key"]) == spaces]
        if spaces:
            expressions = [each for each in expressions if each != {"key": NAMESPACE_LABEL, "operator": "Exists"}]
        return _selector({"matchLabels": labels, "matchExpressions": expressions})

    def pods(one: dict[str, Any]) -> Pods:
        keys = [*one.get("matchLabels", {}), *(each["key"] for each in one.get("matchExpressions", ()))]
        return Pods(parts(one, False), parts(one, True) if any(map(is_space, keys)) else None)

    def peers(rule: dict[str, Any], side: str) -> list[Peer | None]:
        entities = {"host": Entity("node"), "remote-node": Entity("node"), "kube-apiserver": Entity("api_server"), "all": None}
        return [
            *map(pods, rule.get(f"{side}Endpoints", ())),
            *(Block(one["cidr"], tuple(one.get("except", ()))) for one in rule.get(f"{side}CIDRSet", ())),
            *(Domain(one["matchName"]) for one in rule.get(f"{side}FQDNs", ())),
            *(entities[one] for one in rule.get(f"{side}Entities", ())),
        ] or [None]

    def atoms(rules: list[dict[str, Any]], side: str) -> Atoms:
        return frozenset(
            (who, where)
            for rule in rules
            if rule
            for who in peers(rule, side)
            for where in [
                Port(one["protocol"].lower(), int(one["port"]), one.get("endPort", 0))
                for each in rule.get("toPorts", ())
                for one in each["ports"]
            ]
            or [None]
        )

    ingress, egress = (atoms(spec[name], side) if name in spec else None for name, side in (("ingress", "from"), ("egress", "to")))
    return found["metadata"]["name"], found["metadata"]["namespace"], parts(spec["endpointSelector"], False), ingress, egress


def _calico(found: dict[str, Any]) -> Read:
    spec = found["spec"]
    assert set(spec["types"]) == {name.capitalize() for name in ("ingress", "egress") if name in spec}

    def selector(text: str) -> Selector:
        labels, requirements = [], []
        for part in text.split(" && ") if text != "all()" else ():
            if equal := re.fullmatch(r"(\S+) == '([^']*)'", part):
                labels.append((equal[1], equal[2]))
            elif has := re.fullmatch(r"(!?)has\((\S+)\)", part):
                requirements.append(Requirement(has[2], "DoesNotExist" if has[1] else "Exists"))
            else:
                one = re.fullmatch(r"(\S+) (not )?in \{ (.*) \}", part)
                assert one, part
                requirements.append(Requirement(one[1], "NotIn" if one[2] else "In", tuple(re.findall(r"'([^']*)'", one[3]))))
        return Selector(tuple(labels), tuple(requirements))

    def peer(one: dict[str, Any]) -> Peer | None:
        if "nets" in one:
            return Block(one["nets"][0], tuple(one.get("notNets", ())))
        if "selector" not in one:
            return None
        return Pods(selector(one["selector"]), selector(one["namespaceSelector"]) if "namespaceSelector" in one else None)

    def ports(rule: dict[str, Any]) -> list[Port | None]:
        if "protocol" not in rule:
            return [None]
        numbers = [str(one).partition(":") for one in rule.get("destination", {}).get("ports", ())]
        protocol = rule["protocol"].lower()
        return [Port(protocol, int(first), int(last or 0)) for first, _, last in numbers] or [Port(protocol)]

    def atoms(rules: list[dict[str, Any]], side: str) -> Atoms:
        assert {rule["action"] for rule in rules} <= {"Allow"}
        return frozenset((peer(rule.get(side, {})), where) for rule in rules for where in ports(rule))

    ingress, egress = (
        atoms(spec[name], side) if name in spec else None for name, side in (("ingress", "source"), ("egress", "destination"))
    )
    return found["metadata"]["name"], found["metadata"]["namespace"], selector(spec["selector"]), ingress, egress


_READERS = {
    ("NetworkPolicy", "networking.k8s.io/v1"): _kubernetes,
    ("CiliumNetworkPolicy", "cilium.io/v2"): _cilium,
    ("NetworkPolicy", "projectcalico.org/v3"): _calico,
}
