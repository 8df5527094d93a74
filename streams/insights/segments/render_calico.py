"""NetworkPolicy of projectcalico.org/v3. A rule has one protocol and, so that exceptions stay with their block, one peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.insights.segments.policy import Block, Peer, Pods, Policy, Port, Requirement, Rule, Selector
from streams.insights.segments.render_kubernetes import metadata
from streams.insights.segments.yaml_text import Noted

Object = dict[str, Any]

ORDER = 1_000
"""Behind what an administrator has put first."""


def manifest(policy: Policy) -> Object:
    spec: Object = {"order": ORDER, "selector": expression(policy.pods)}
    spec["types"] = [kind for kind, rules in (("Ingress", policy.ingress), ("Egress", policy.egress)) if rules is not None]
    if policy.ingress is not None:
        spec["ingress"] = [Noted(rule.note, each) for rule in policy.ingress for each in _rules(rule, "source")]
    if policy.egress is not None:
        spec["egress"] = [Noted(rule.note, each) for rule in policy.egress for each in _rules(rule, "destination")]
    return {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": metadata(policy), "spec": spec}


def expression(one: Selector) -> str:
    parts = [f"{key} == '{value}'" for key, value in one.labels] + [_requirement(each) for each in one.requirements]
    return " && ".join(parts) or "all()"


def _requirement(one: Requirement) -> str:
    values = ", ".join(f"'{value}'" for value in one.values)
    return {
        "In": f"{one.key} in {{ {values} }}",
        "NotIn": f"{one.key} not in {{ {values} }}",
        "Exists": f"has({one.key})",
        "DoesNotExist": f"!has({one.key})",
    }[one.operator]


def _rules(rule: Rule, side: str) -> Iterator[Object]:
    for peer in rule.peers or (None,):
        own = {} if peer is None else {side: _peer(peer)}
        if not rule.ports:
            yield {"action": "Allow", **own}
        for protocol in dict.fromkeys(one.protocol for one in rule.ports):
            ports = [one for one in rule.ports if one.protocol == protocol]
            found: Object = {"action": "Allow", "protocol": protocol.upper(), **own}
            if all(one.port for one in ports):
                found["destination"] = {**found.get("destination", {}), "ports": [_port(one) for one in ports]}
            yield found


def _peer(peer: Peer) -> Object:
    match peer:
        case Pods(pods, None):
            return {"selector": expression(pods)}
        case Pods(pods, namespaces):
            return {"selector": expression(pods), "namespaceSelector": expression(namespaces or Selector())}
        case Block(cidr, excepted):
            return {"nets": [cidr], **({"notNets": list(excepted)} if excepted else {})}
    raise ValueError(f"Calico's NetworkPolicy has no word for {peer}: leave it out before.")


def _port(one: Port) -> int | str:
    return f"{one.port}:{one.end}" if one.end else one.port
