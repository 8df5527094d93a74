"""Random policies and ends, small enough to meet, and an oracle: who may call whom, by enumeration."""

from __future__ import annotations

import random
from ipaddress import ip_address

from streams.insights.segments.evaluate import Endpoint
from streams.insights.segments.policy import Block, Pods, Policy, Port, Requirement, Rule, Selector

KEYS, VALUES, NAMESPACES = ("app", "tier"), ("a", "b"), ("one", "two")
TEAMS = {"one": {"team": "x"}, "two": {}}
BASE = 0x0A000000
WHOLE = 16
"""Addresses that blocks are drawn of: 10.0.0.0/28."""
PORTS = (1, 6)


def selector(draw: random.Random, keys: tuple[str, ...] = KEYS, values: tuple[str, ...] = VALUES) -> Selector:
    labels = tuple(sorted((key, draw.choice(values)) for key in keys if draw.random() < 0.35))
    requirements = []
    if draw.random() < 0.35:
        operator = draw.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        chosen = tuple(sorted(draw.sample(values, draw.randint(1, len(values))))) if operator in ("In", "NotIn") else ()
        requirements.append(Requirement(draw.choice(keys), operator, chosen))
    return Selector(labels, tuple(requirements))


def block(draw: random.Random) -> Block:
    length = draw.choice((28, 29, 30))
    start = BASE + draw.randrange(0, WHOLE, 1 << (32 - length))
    excepted = [start + draw.randrange(1 << (32 - length)) for _ in range(draw.randint(0, 2))]
    return Block(f"{ip_address(start)}/{length}", tuple(sorted({f"{ip_address(one)}/32" for one in excepted})))


def peer(draw: random.Random) -> Pods | Block:
    if draw.random() < 0.3:
        return block(draw)
    return Pods(selector(draw), draw.choice((None, selector(draw, ("team",), ("x", "y")))))


def port(draw: random.Random) -> Port:
    if draw.random() < 0.2:
        return Port(draw.choice(("tcp", "udp")))
    first = draw.randint(*PORTS)
    return Port(draw.choice(("tcp", "udp")), first, draw.choice((0, min(PORTS[1], first + 2)) if first < PORTS[1] else (0,)))


def rule(draw: random.Random) -> Rule:
    return Rule(tuple(peer(draw) for _ in range(draw.randint(0, 2))), tuple(port(draw) for _ in range(draw.randint(0, 2))))


def policy(draw: random.Random, name: str = "p") -> Policy:
    ingress, egress = (tuple(rule(draw) for _ in range(draw.randint(0, 2))) if draw.random() < 0.7 else None for _ in range(2))
    return Policy(name, draw.choice(NAMESPACES), selector(draw), ingress, egress)


def endpoint(draw: random.Random) -> Endpoint:
    if draw.random() < 0.2:
        return Endpoint("outside", address=ip_address(BASE + draw.randrange(WHOLE)))
    namespace = draw.choice(NAMESPACES)
    labels = {key: draw.choice(VALUES) for key in KEYS if draw.random() < 0.7}
    return Endpoint("", namespace, labels, TEAMS[namespace], ip_address(BASE + draw.randrange(WHOLE)) if draw.random() < 0.5 else None)


def oracle(policies: list[Policy], client: Endpoint, server: Endpoint, protocol: str, number: int) -> bool:
    """Both directions by sets: what is written in full, of all that there could be, is looked up."""
    return _direction(policies, client, server, "egress", protocol, number) and _direction(
        policies, server, client, "ingress", protocol, number
    )


def _direction(policies: list[Policy], own: Endpoint, other: Endpoint, direction: str, protocol: str, number: int) -> bool:
    if own.kind != "":
        return True
    mine = [one for one in policies if one.namespace == own.namespace and _fits(one.pods, dict(own.labels))]
    spoken = [(one, getattr(one, direction)) for one in mine if getattr(one, direction) is not None]
    if not spoken:
        return True
    allowed = set()
    for one, rules in spoken:
        for each in rules:
            places = {(p.protocol, n) for p in each.ports for n in range(*_numbers(p))} or {
                (p, n) for p in ("tcp", "udp") for n in range(10)
            }
            if not each.peers or any(_is(one, peer, other) for peer in each.peers):
                allowed |= places
    return (protocol, number) in allowed


def _numbers(one: Port) -> tuple[int, int]:
    return (0, 10) if one.port == 0 else (one.port, (one.end or one.port) + 1)


def _is(one: Policy, peer: object, other: Endpoint) -> bool:
    if isinstance(peer, Block):
        if other.address is None:
            return False
        start, length = peer.cidr.split("/")
        inside = {int(ip_address(start)) + step for step in range(2 ** (32 - int(length)))}
        return int(other.address) in inside - {int(ip_address(each.split("/")[0])) for each in peer.excepted}
    assert isinstance(peer, Pods)
    if other.kind != "" or not _fits(peer.pods, dict(other.labels)):
        return False
    if peer.namespaces is None:
        return one.namespace == other.namespace
    return _fits(peer.namespaces, {"kubernetes.io/metadata.name": other.namespace, **other.namespace_labels})


def _fits(selector: Selector, labels: dict[str, str]) -> bool:
    """By the set of pods that each part leaves out."""
    wrong = [key for key, value in selector.labels if labels.get(key, None) != value]
    for one in selector.requirements:
        has = one.key in labels
        if one.operator == "Exists":
            wrong += [] if has else [one.key]
        elif one.operator == "DoesNotExist":
            wrong += [one.key] if has else []
        elif (labels.get(one.key) in one.values) != (one.operator == "In"):
            wrong.append(one.key)
    return not wrong
