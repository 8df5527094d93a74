"""One watch for each kind of objects, and whether they stand."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from producers.kubernetes.owners import parse_metadata
from producers.kubernetes.reflector import PAUSES, Pauses, Reflector, Resource
from producers.kubernetes.transport import ApiError, Transport
from producers.watcher.cluster import Cluster, NodeFeed, OwnerFeed, PodFeed, ServiceFeed, SliceFeed
from producers.watcher.objects import read_node, read_pod, read_service, read_slice

log = logging.getLogger("weir.watcher")

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

FORBIDDEN = 403
CATCH_UP_SECONDS = 2.0
"""A watch that begins where another ended first tells what happened in between: it is given so long."""
SERVICES = ("pods", "services", "endpointslices")
"""Without these nothing is known of services, and nothing is told."""
OWNERS = {
    "replicasets": ("ReplicaSet", "/apis/apps/v1"),
    "jobs": ("Job", "/apis/batch/v1"),
    "deployments": ("Deployment", "/apis/apps/v1"),
    "statefulsets": ("StatefulSet", "/apis/apps/v1"),
    "daemonsets": ("DaemonSet", "/apis/apps/v1"),
    "cronjobs": ("CronJob", "/apis/batch/v1"),
}
PATHS = {
    "pods": "/api/v1/pods",
    "services": "/api/v1/services",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "nodes": "/api/v1/nodes",
    **{kind: f"{api}/{kind}" for kind, (_, api) in OWNERS.items()},
}
"""What is listed and watched, and where."""


class Feed(Protocol[T_contra]):
    """Where a kind's objects go."""

    def replaced(self, items: Sequence[T_contra]) -> None: ...

    def changed(self, item: T_contra) -> None: ...

    def deleted(self, item: T_contra) -> None: ...


class Watch(Generic[T]):
    """Transport and handler of one reflector: it passes everything on, and notes how the watch is."""

    def __init__(self, kind: str, transport: Transport, feed: Feed[T], on_forbidden: Callable[[], None]) -> None:
        self.kind = kind
        self._transport = transport
        self._feed = feed
        self._on_forbidden = on_forbidden
        self.listed = self.forbidden = False
        self.connected_at: float | None = None
        self.heard = time.monotonic()

    # A Transport.

    def get(self, path_and_query: str, accept: str) -> bytes:
        try:
            answer = self._transport.get(path_and_query, accept)
        except ApiError as error:
            self._refused(error)
            raise
        self.forbidden, self.heard = False, time.monotonic()
        return answer

    def stream(self, path_and_query: str, accept: str) -> Iterator[bytes]:
        try:
            lines = self._transport.stream(path_and_query, accept)
        except ApiError as error:
            self._refused(error)
            raise
        self.connected_at = self.heard = time.monotonic()
        return self._lines(lines)

    def close(self) -> None:
        self._transport.close()

    def _lines(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for line in lines:
                self.heard = time.monotonic()
                yield line
        finally:
            self.connected_at = None

    def _refused(self, error: ApiError) -> None:
        if error.status == FORBIDDEN and not self.forbidden:
            self.forbidden = True
            log.warning("The API server lets nobody list or watch %s here: grant get, list and watch on it (%s).", self.kind, error)
            self._on_forbidden()

    # A Handler.

    def replaced(self, items: Sequence[T]) -> None:
        self._feed.replaced(items)
        self.listed = True

    def changed(self, item: T) -> None:
        self._feed.changed(item)

    def deleted(self, item: T) -> None:
        self._feed.deleted(item)

    def lost(self, error: str) -> None:
        log.warning("The watch of %s is lost (%s); it is tried again.", self.kind, error)


@dataclass(frozen=True)
class Told:
    """How the watch of a kind is. `silent_seconds`: since it was heard."""

    kind: str
    listed: bool
    connected: bool
    forbidden: bool
    silent_seconds: float


class Informers:
    """Fills a cluster. `transport` makes one of its own for each watch."""

    def __init__(
        self, cluster: Cluster, transport: Callable[[], Transport], pauses: Pauses = PAUSES, catch_up_seconds: float = CATCH_UP_SECONDS
    ) -> None:
        self._catch_up = catch_up_seconds
        self._make = transport
        self._pauses = pauses
        self._watches: dict[str, Watch[Any]] = {}
        self._reflectors: list[Reflector[Any]] = []
        self._add("pods", read_pod, PodFeed(cluster), metadata_only=True)
        self._add("services", read_service, ServiceFeed(cluster))
        self._add("endpointslices", read_slice, SliceFeed(cluster))
        self._add("nodes", read_node, NodeFeed(cluster))
        for kind, (name, _) in OWNERS.items():
            feed = OwnerFeed(cluster, name)
            self._add(kind, parse_metadata, feed, feed.forbidden, metadata_only=True)

    def start(self) -> None:
        for reflector in self._reflectors:
            reflector.start()

    def close(self) -> None:
        for reflector in self._reflectors:
            reflector.close()

    @property
    def threads(self) -> Sequence[threading.Thread]:
        return self._reflectors

    @property
    def complete(self) -> bool:
        """Whether every kind was listed, but for those that are not needed and may not be."""
        return all(watch.listed or (watch.forbidden and kind not in SERVICES) for kind, watch in self._watches.items())

    @property
    def connected(self) -> bool:
        """Whether all that happens to services is being heard, and what happened before these watches began was."""
        before = time.monotonic() - self._catch_up
        return all((at := self._watches[kind].connected_at) is not None and at <= before for kind in SERVICES)

    def told(self) -> list[Told]:
        now = time.monotonic()
        return [Told(kind, its.listed, its.connected_at is not None, its.forbidden, now - its.heard) for kind, its in self._watches.items()]

    @property
    def lacking(self) -> str:
        """What keeps the first picture from being complete; empty: nothing does."""
        for kind, watch in self._watches.items():
            if watch.forbidden and kind in SERVICES:
                return f"{kind} may not be listed: grant get, list and watch on it"
        missing = [kind for kind, watch in self._watches.items() if not (watch.listed or watch.forbidden)]
        return f"not listed yet: {', '.join(missing)}" if missing else ""

    def _add(
        self,
        kind: str,
        read: Callable[[Mapping[str, Any]], T | None],
        feed: Feed[T],
        on_forbidden: Callable[[], None] = lambda: None,
        metadata_only: bool = False,
    ) -> None:
        watch = self._watches[kind] = Watch(kind, self._make(), feed, on_forbidden)
        resource = Resource(PATHS[kind], metadata_only=metadata_only)
        self._reflectors.append(Reflector(watch, resource, read, watch, pauses=self._pauses))
