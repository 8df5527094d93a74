"""CiliumNetworkPolicy of cilium.io/v2. A rule holds peers of one sort: Cilium takes no mixture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.insights.segments.policy import NAMESPACE_LABEL, Block, Domain, Entity, Pods, Policy, Port, Rule, Selector
from streams.insights.segments.render_kubernetes import metadata
from streams.insights.segments.render_kubernetes import selector as plain
from streams.insights.segments.yaml_text import Noted

Object = dict[str, Any]

POD, NAMESPACE, OF_NAMESPACE = "k8s:", "k8s:io.kubernetes.pod.namespace", "k8s:io.cilium.k8s.namespace.labels."
ENTITIES = {"node": ("host", "remote-node"), "api_server": ("kube-apiserver",)}
EVERY_NAMESPACE = {"key": NAMESPACE, "operator": "Exists"}


def manifest(policy: Policy) -> Object:
    spec: Object = {"endpointSelector": _pods(policy.pods)}
    if policy.ingress is not None:
        spec["ingress"] = [Noted(rule.note, each) for rule in policy.ingress for each in _rules(rule, "from")] or [{}]
    if policy.egress is not None:
        proxied = any(isinstance(peer, Domain) for rule in policy.egress for peer in rule.peers)
        spec["egress"] = [Noted(rule.note, each) for rule in policy.egress for each in _rules(rule, "to", proxied)] or [{}]
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata(policy), "spec": spec}


def _rules(rule: Rule, side: str, proxied: bool = False) -> Iterator[Object]:
    """`proxied`: names are asked for through Cilium, so that it learns the addresses of domains."""
    ports: Object = {"toPorts": [{"ports": [_port(one) for one in rule.ports]}]} if rule.ports else {}
    if proxied and any(one.port == 53 for one in rule.ports):
        ports["toPorts"][0]["rules"] = {"dns": [{"matchPattern": "*"}]}
    if not rule.peers:
        yield {**({} if rule.ports else {f"{side}Entities": ["all"]}), **ports}
    if pods := [_endpoint(one) for one in rule.peers if isinstance(one, Pods)]:
        yield {f"{side}Endpoints": pods, **ports}
    if blocks := [_block(one) for one in rule.peers if isinstance(one, Block)]:
        yield {f"{side}CIDRSet": blocks, **ports}
    if domains := [{"matchName": one.name} for one in rule.peers if isinstance(one, Domain)]:
        yield {f"{side}FQDNs": domains, **ports}
    if entities := [name for one in rule.peers if isinstance(one, Entity) for name in ENTITIES[one.name]]:
        yield {f"{side}Entities": entities, **ports}


def _endpoint(peer: Pods) -> Object:
    found = _pods(peer.pods)
    if peer.namespaces is None:
        return found
    labels = {_of_namespace(key): value for key, value in peer.namespaces.labels}
    expressions = [{**each, "key": _of_namespace(each["key"])} for each in plain(peer.namespaces).get("matchExpressions", ())]
    if not labels and not expressions:
        expressions = [EVERY_NAMESPACE]
    labels = {**labels, **found.get("matchLabels", {})}
    expressions = [*expressions, *found.get("matchExpressions", ())]
    return {**({"matchLabels": labels} if labels else {}), **({"matchExpressions": expressions} if expressions else {})}


def _pods(one: Selector) -> Object:
    found = plain(one)
    if "matchLabels" in found:
        found["matchLabels"] = {f"{POD}{key}": value for key, value in found["matchLabels"].items()}
    for each in found.get("matchExpressions", ()):
        each["key"] = f"{POD}{each['key']}"
    return found


def _of_namespace(key: str) -> str:
    return NAMESPACE if key == NAMESPACE_LABEL else f"{OF_NAMESPACE}{key}"


def _block(one: Block) -> Object:
    return {"cidr": one.cidr, **({"except": list(one.excepted)} if one.excepted else {})}


def _port(one: Port) -> Object:
    return {"port": str(one.port), **({"endPort": one.end} if one.end else {}), "protocol": one.protocol.upper()}
