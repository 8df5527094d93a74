"""Where each node is, by its labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from producers.watcher.objects import Node
from producers.watcher.workloads import LABELS
from schemas.records.cluster import NodeLabels

REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


class Nodes:
    """The node's name is the id that its agent uses. One caller at a time."""

    def __init__(self, network: str) -> None:
        self._network = network
        self._told: dict[str, NodeLabels] = {}
        self._new: dict[str, NodeLabels] = {}

    def __len__(self) -> int:
        return len(self._told)

    def changed(self, node: Node, now_us: int) -> None:
        told = self._told.get(node.name)
        labels = dict(sorted(node.labels.items())[:LABELS])
        if told is None or told.labels != labels:
            region, zone = _first(node.labels, REGION), _first(node.labels, ZONE)
            self._told[node.name] = self._new[node.name] = NodeLabels(self._network, node.name, region, zone, labels, now_us)

    def deleted(self, name: str) -> None:
        """What was told of it stays true of its time."""
        self._told.pop(name, None)
        self._new.pop(name, None)

    def replaced(self, nodes: Iterable[Node], now_us: int) -> None:
        nodes = tuple(nodes)
        for name in self._told.keys() - {node.name for node in nodes}:
            self.deleted(name)
        for node in nodes:
            self.changed(node, now_us)

    def settle(self) -> list[NodeLabels]:
        """What has changed since the last call."""
        new, self._new = self._new, {}
        return list(new.values())

    def standing(self) -> Iterator[NodeLabels]:
        return iter(self._told.values())


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
