"""What every policy allows, or the cluster stands still: names, the node's probes, the API server, scrapers and controllers of ingress."""

from __future__ import annotations

from dataclasses import dataclass

from streams.insights.segments.identities import NAME_SERVER_LABELS
from streams.insights.segments.policy import NAMESPACE_LABEL, Block, Entity, Peer, Pods, Port, Rule, Selector

NODE_LOCAL_DNS = "169.254.20.10/32"
METADATA = "169.254.169.254/32"
API_PORTS = (Port("tcp", 443), Port("tcp", 6443))


NAME_PORTS = (Port("udp", 53), Port("tcp", 53))
ASKED_BY_ALL = Rule((Pods(Selector(), Selector()),), NAME_PORTS, "always: DNS, from every pod")
"""Of the name server itself."""


def in_namespace(name: str) -> Selector:
    return Selector(((NAMESPACE_LABEL, name),))


@dataclass(frozen=True)
class Always:
    """`api_server`, `nodes`: CIDRs. `scrapers`, `ingress`: pods that may call everything. `metadata`: the cloud's may be asked."""

    names: tuple[Peer, ...] = (
        Pods(Selector(tuple(sorted(NAME_SERVER_LABELS.items()))), in_namespace("kube-system")),
        Block(NODE_LOCAL_DNS),
    )
    api_server: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    scrapers: tuple[Pods, ...] = ()
    ingress: tuple[Pods, ...] = ()
    metadata: bool = False

    @property
    def egress_rules(self) -> tuple[Rule, ...]:
        found = [Rule(self.names, NAME_PORTS, "always: DNS")]
        found.append(Rule((Entity("api_server"), *map(Block, self.api_server)), API_PORTS, "always: API server"))
        if self.metadata:
            found.append(Rule((Block(METADATA),), (Port("tcp", 80),), "always: metadata of the cloud, by decision"))
        return tuple(found)

    @property
    def ingress_rules(self) -> tuple[Rule, ...]:
        found = [Rule((Entity("node"), *map(Block, self.nodes)), (), "always: probes, from the node")]
        if self.scrapers:
            found.append(Rule(self.scrapers, (), "always: scrapers of metrics"))
        if self.ingress:
            found.append(Rule(self.ingress, (), "always: controllers of ingress"))
        return tuple(found)
