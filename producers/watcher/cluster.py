"""All that is known of the cluster, kept up to date by the watches and read by what tells of it. For any thread: `lock` is held by each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from producers.kubernetes.owners import Metadata
from producers.watcher.nodes import Nodes
from producers.watcher.objects import Node, Service, Slice
from producers.watcher.pods import PARENTS, Pods
from producers.watcher.services import ADDRESSES, Services
from producers.watcher.workloads import Workloads


class Cluster:
    """`wall`: seconds since 1970."""

    def __init__(self, network: str, addresses: int = ADDRESSES, wall: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self.pods = Pods()
        self.services = Services(self.pods, addresses)
        self.workloads = Workloads(self.pods, network)
        self.nodes = Nodes(network)
        self._wall = wall
        self._listed: set[str] = set()
        self._torn = False

    def take_torn(self) -> bool:
        """Whether, since the last call, a list told of changes to services that no watch had told of: what was in between is not known."""
        torn, self._torn = self._torn, False
        return torn

    @property
    def now_us(self) -> int:
        return int(self._wall() * 1e6)

    def tear(self, kind: str, differs: bool) -> None:
        self._torn |= differs and kind in self._listed
        self._listed.add(kind)


class PodFeed:
    """A Handler of the reflector of pods."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def replaced(self, items: Iterable[Metadata]) -> None:
        with self._cluster.lock:
            self._cluster.pods.replaced(items, self._cluster.now_us)

    def changed(self, item: Metadata) -> None:
        with self._cluster.lock:
            self._cluster.pods.changed(item)

    def deleted(self, item: Metadata) -> None:
        with self._cluster.lock:
            self._cluster.pods.deleted(item.uid, self._cluster.now_us)


class ServiceFeed:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def replaced(self, items: Iterable[Service]) -> None:
        with self._cluster.lock:
            self._cluster.tear("services", self._cluster.services.services_replaced(items, self._cluster.now_us))

    def changed(self, item: Service) -> None:
        with self._cluster.lock:
            self._cluster.services.service_changed(item, self._cluster.now_us)

    def deleted(self, item: Service) -> None:
        with self._cluster.lock:
            self._cluster.services.service_deleted(item.name, self._cluster.now_us)


class SliceFeed:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def replaced(self, items: Iterable[Slice]) -> None:
        with self._cluster.lock:
            self._cluster.tear("slices", self._cluster.services.slices_replaced(items, self._cluster.now_us))

    def changed(self, item: Slice) -> None:
        with self._cluster.lock:
            self._cluster.services.slice_changed(item, self._cluster.now_us)

    def deleted(self, item: Slice) -> None:
        with self._cluster.lock:
            self._cluster.services.slice_deleted(item.name, self._cluster.now_us)


class NodeFeed:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def replaced(self, items: Iterable[Node]) -> None:
        items = tuple(items)
        with self._cluster.lock:
            self._cluster.services.nodes_replaced(items, self._cluster.now_us)
            self._cluster.nodes.replaced(items, self._cluster.now_us)

    def changed(self, item: Node) -> None:
        with self._cluster.lock:
            self._cluster.services.node_changed(item, self._cluster.now_us)
            self._cluster.nodes.changed(item, self._cluster.now_us)

    def deleted(self, item: Node) -> None:
        with self._cluster.lock:
            self._cluster.services.service_deleted(item.name, self._cluster.now_us)
            self._cluster.nodes.deleted(item.name)


class OwnerFeed:
    """Of one kind of what owns pods, such as Deployment."""

    def __init__(self, cluster: Cluster, kind: str) -> None:
        self._cluster = cluster
        self._kind = kind

    def replaced(self, items: Iterable[Metadata]) -> None:
        items = tuple(items)
        with self._cluster.lock:
            if self._kind in PARENTS:
                self._cluster.pods.parents_replaced(self._kind, items)
            self._cluster.workloads.owners_replaced(self._kind, items)

    def changed(self, item: Metadata) -> None:
        with self._cluster.lock:
            if self._kind in PARENTS:
                self._cluster.pods.parent_changed(self._kind, item)
            self._cluster.workloads.owner_changed(self._kind, item)

    def deleted(self, item: Metadata) -> None:
        with self._cluster.lock:
            if self._kind in PARENTS:
                self._cluster.pods.parent_deleted(item.uid)
            self._cluster.workloads.owner_deleted(self._kind, item)

    def forbidden(self) -> None:
        with self._cluster.lock:
            self._cluster.workloads.forbid(self._kind)
