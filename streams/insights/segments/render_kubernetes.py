"""NetworkPolicy of networking.k8s.io/v1."""

from __future__ import annotations

from typing import Any

from streams.insights.segments.policy import Block, Peer, Pods, Policy, Port, Rule, Selector
from streams.insights.segments.yaml_text import Noted

Object = dict[str, Any]


def manifest(policy: Policy) -> Object:
    spec: Object = {"podSelector": selector(policy.pods)}
    spec["policyTypes"] = [kind for kind, rules in (("Ingress", policy.ingress), ("Egress", policy.egress)) if rules is not None]
    if policy.ingress is not None:
        spec["ingress"] = [Noted(rule.note, _rule(rule, "from")) for rule in policy.ingress]
    if policy.egress is not None:
        spec["egress"] = [Noted(rule.note, _rule(rule, "to")) for rule in policy.egress]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(policy), "spec": spec}


def metadata(policy: Policy) -> Object:
    return {"name": policy.name, "namespace": policy.namespace, "labels": {"app.kubernetes.io/managed-by": "weir"}}


def selector(one: Selector) -> Object:
    found: Object = {"matchLabels": dict(one.labels)} if one.labels else {}
    if one.requirements:
        found["matchExpressions"] = [
            {"key": each.key, "operator": each.operator, **({"values": list(each.values)} if each.values else {})}
            for each in one.requirements
        ]
    return found


def _rule(rule: Rule, side: str) -> Object:
    found: Object = {side: [_peer(one) for one in rule.peers]} if rule.peers else {}
    if rule.ports:
        found["ports"] = [_port(one) for one in rule.ports]
    return found


def _peer(peer: Peer) -> Object:
    match peer:
        case Pods(pods, None):
            return {"podSelector": selector(pods)}
        case Pods(pods, namespaces):
            return {"namespaceSelector": selector(namespaces or Selector()), "podSelector": selector(pods)}
        case Block(cidr, excepted):
            return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}
    raise ValueError(f"NetworkPolicy has no word for {peer}: leave it out before.")


def _port(one: Port) -> Object:
    found: Object = {"protocol": one.protocol.upper()}
    if one.port:
        found["port"] = one.port
    if one.end:
        found["endPort"] = one.end
    return found
