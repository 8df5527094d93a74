"""Policies from grants: one for each workload that can be selected, both directions, with what was seen as a note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal

from schemas.instants import format_instant
from streams.insights.segments.always import ASKED_BY_ALL, Always, in_namespace
from streams.insights.segments.grants import Grant
from streams.insights.segments.identities import NAME_SERVER_LABELS, NAME_SERVERS, Identity
from streams.insights.segments.policy import Block, Domain, Entity, Peer, Pods, Policy, Port, Rule
from streams.insights.segments.seen import NODE

Flavour = Literal["none", "kubernetes", "cilium", "calico"]
Side = Literal["client", "server"]
ADDRESSES = 20
"""So many single addresses outside stand in a rule; more need a range or a name."""
NAME_LENGTH = 253
NEEDS = 50
"""Sentences at most: what is missing is missing of many for the same reason."""
Ranges = Mapping[str, tuple[str, ...]]
"""Name of a range of addresses -> its CIDRs."""


@dataclass(frozen=True)
class Outside:
    """With which addresses and names outside a workload has talked. `whole`: these are all."""

    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    whole: bool


OutsideOf = Mapping[tuple[str, str, str, int], Outside]
"""(client, server, protocol, port), one of the first two "" -> what that end stands for."""


@dataclass(frozen=True)
class Built:
    """`needs`: sentences: what a policy could not be written for, and what to do."""

    policies: tuple[Policy, ...]
    needs: tuple[str, ...]


def build(
    grants: Sequence[Grant],
    members: Iterable[str],
    flavour: Flavour,
    identities: Mapping[str, Identity],
    ranges: Ranges,
    outside: OutsideOf,
    always: Always,
) -> Built:
    """`members`: workloads, for each of which there shall be a policy."""
    peers = _Peers(flavour, identities, ranges, outside)
    sent: dict[str, list[Grant]] = {}
    received: dict[str, list[Grant]] = {}
    for grant in grants:
        for client in grant.clients:
            sent.setdefault(client, []).append(grant)
        for server in grant.servers:
            received.setdefault(server, []).append(grant)
    if flavour in ("kubernetes", "calico"):
        if not always.api_server:
            peers.need(f"The API server has no rule: {flavour} knows it by address alone; set always.api_server in --selectors.")
        if not always.nodes:
            peers.need("A node reaches its own pods; calls from other nodes have no rule: set always.nodes in --selectors if need be.")
    policies = []
    for name in sorted(members):
        identity = identities.get(name)
        if identity is None:
            peers.need(f"{name} has no label that selects it alone in its namespace: give its pods one, or name some in --selectors.")
            continue
        asked = (ASKED_BY_ALL,) if _is_name_server(name, identity) else ()
        ingress = [rule for grant in received.get(name, ()) if (rule := peers.rule(grant, grant.clients, name, "client"))]
        egress = [rule for grant in sent.get(name, ()) if (rule := peers.rule(grant, grant.servers, name, "server"))]
        policies.append(
            Policy(
                _policy_name(name),
                identity.namespace,
                identity.selector,
                tuple(_sayable((*always.ingress_rules, *asked, *ingress), flavour)),
                tuple(_sayable((*always.egress_rules, *egress), flavour)),
                (name,),
            )
        )
    return Built(tuple(policies), peers.needs)


def _is_name_server(name: str, identity: Identity) -> bool:
    return name in NAME_SERVERS or NAME_SERVER_LABELS.items() <= identity.labels.items()


class _Peers:
    def __init__(self, flavour: Flavour, identities: Mapping[str, Identity], ranges: Ranges, outside: OutsideOf) -> None:
        self._flavour, self._identities, self._ranges, self._outside = flavour, identities, ranges, outside
        self._needs: dict[str, None] = {}
        self._said: dict[tuple[int, Side, str], tuple[Peer, ...]] = {}
        self._notes: dict[int, str] = {}

    @property
    def needs(self) -> tuple[str, ...]:
        shown = tuple(self._needs)[:NEEDS]
        left = len(self._needs) - len(shown)
        return (*shown, *([f"{left} more sentences of this kind are not shown: begin with these."] if left else []))

    def need(self, sentence: str) -> None:
        self._needs[sentence] = None

    def rule(self, grant: Grant, names: tuple[str, ...], own: str, side: Side) -> Rule | None:
        """None where no peer can be said: a rule without peers would be open to all."""
        if grant.service and self._flavour != "none":
            self.need(
                f"{own} has a rule less: {grant.service} was called at port {grant.port}, and the port of its pods was not seen: "
                "run an agent on their nodes."
            )
            return None
        found = self._all(grant, names, own, side)
        return Rule(found, (Port(grant.protocol, grant.port),), self._note(grant)) if found else None

    def _note(self, grant: Grant) -> str:
        """The same for all workloads of the grant."""
        if id(grant) not in self._notes:
            self._notes[id(grant)] = _note(grant)
        return self._notes[id(grant)]

    def _all(self, grant: Grant, names: tuple[str, ...], own: str, side: Side) -> tuple[Peer, ...]:
        """The same for all workloads of a namespace, unless an end stands outside."""
        key = (id(grant), side, self._identities[own].namespace)
        if key not in self._said or "" in names:
            found = {peer for name in names for peer in self._of(grant, name, own, side)}
            self._said[key] = tuple(sorted(found, key=_order) if len(found) > 1 else found)
        return self._said[key]

    def _of(self, grant: Grant, name: str, own: str, side: Side) -> tuple[Peer, ...]:
        if name == "":
            return self._outside_of(grant, own, side)
        if name.startswith(NODE):
            if self._flavour in ("kubernetes", "calico") and side == "server":
                self.need(f"{own} calls {name} at {grant.protocol}/{grant.port}, and a node has no label: name its addresses as a range.")
            return (Entity("node"),)
        if name in self._ranges:
            if self._flavour == "none":
                return (Domain(name),)
            if not self._ranges[name]:
                self.need(f"{name} stands for a range of addresses that is not told here: WEIR_CIDRS has it where workers run.")
            return tuple(map(Block, self._ranges[name]))
        identity = self._identities.get(name)
        if identity is None:
            self.need(f"{name} has no label that selects it alone in its namespace: give its pods one, or name some in --selectors.")
            return ()
        same = self._identities[own].namespace == identity.namespace
        return (Pods(identity.selector, None if same else in_namespace(identity.namespace)),)

    def _outside_of(self, grant: Grant, own: str, side: Side) -> tuple[Peer, ...]:
        key = ("", own, grant.protocol, grant.port) if side == "client" else (own, "", grant.protocol, grant.port)
        found = self._outside.get(key, Outside((), (), False))
        if self._flavour in ("cilium", "none") and found.domains and found.whole:
            return tuple(map(Domain, found.domains))
        if found.addresses and found.whole and len(found.addresses) <= ADDRESSES:
            return tuple(Block(_single(address)) for address in found.addresses)
        if found.addresses and found.whole and (fitting := self._range(found.addresses)):
            return tuple(map(Block, fitting))
        self.need(_outside_need(grant, own, side, found))
        return ()

    def _range(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """The smallest named range that holds all of the addresses."""
        fitting = []
        for cidrs in self._ranges.values():
            networks = [ip_network(cidr) for cidr in cidrs]
            if networks and all(any(ip_address(address) in network for network in networks) for address in addresses):
                fitting.append((sum(network.num_addresses for network in networks), cidrs))
        return min(fitting)[1] if fitting else ()


def _outside_need(grant: Grant, own: str, side: Side, found: Outside) -> str:
    what = f"{len(found.addresses)}{'' if found.whole else ' or more'} addresses outside"
    if not found.addresses:
        what = "addresses outside that are not kept for this span"
    if side == "client":
        return f"{own} is called from {what} at {grant.protocol}/{grant.port}: name a range for them in --selectors or WEIR_CIDRS."
    names = f" ({', '.join(found.domains[:3])})" if found.domains else ""
    return f"{own} calls {what} at {grant.protocol}/{grant.port}{names}: it needs an FQDN rule, or a range in --selectors or WEIR_CIDRS."


def _sayable(rules: Iterable[Rule], flavour: Flavour) -> Iterable[Rule]:
    """Without the peers that the flavour has no word for, and without rules that had no others."""
    if flavour in ("none", "cilium"):
        yield from (rule for rule in rules if rule.peers)
        return
    for rule in rules:
        peers = tuple(one for one in rule.peers if not isinstance(one, (Domain, Entity)))
        if peers:
            yield Rule(peers, rule.ports, rule.note)


def _note(grant: Grant) -> str:
    seen = f"{grant.connections:,} connections, {_instant(grant.first_s)} to {_instant(grant.last_s)}"
    return f"seen: {seen}" + (f"; for all of {grant.roles[0]} and {grant.roles[1]}" if grant.roles else "")


def _instant(seconds: int) -> str:
    return format_instant(seconds * 1_000_000)


def _single(address: str) -> str:
    return str(ip_network(address))


def _order(peer: Peer) -> tuple[str, str]:
    return type(peer).__name__, repr(peer)


def _policy_name(workload: str) -> str:
    """A DNS label: weir-NAME, without the namespace."""
    name = re.sub(r"[^a-z0-9.-]+", "-", workload.rpartition("/")[2].lower()).strip("-.")
    return f"weir-{name}"[:NAME_LENGTH].rstrip("-.")
