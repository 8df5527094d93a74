"""Services and endpoint slices as the API has them now: which backends are behind each address of a service."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import NamedTuple

from producers.watcher.objects import Node, Service, ServicePort, Slice, family_of
from schemas.records.cluster import NODE_PORTS

LATE_US = 3_000_000
"""How much later than another a watch may tell what happened at the same time."""
_NODE = ServicePort("", 0, 0, 0)


class Key(NamedTuple):
    ip: bytes
    protocol: int
    port: int


class Endpoints:
    """What changes it answers with the names of the services that it concerns.

    A node is kept as a service without backends, under its own name, which has no slash: its addresses have protocol and port 0.
    """

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        self._slices: dict[str, Slice] = {}
        self._slices_of: defaultdict[str, set[str]] = defaultdict(set)
        self._left: deque[tuple[int, str, str]] = deque()  # when, which service, which backend: for LATE_US

    def put_service(self, service: Service) -> list[str]:
        self._services[service.name] = service
        return [service.name]

    def put_node(self, node: Node) -> list[str]:
        known = self._services.get(node.name)
        return [] if known is not None and known.cluster_ips == node.addresses else self.put_service(_as_service(node))

    def drop_service(self, name: str) -> list[str]:
        """`name`: also that of a node."""
        return [name] if self._services.pop(name, None) is not None else []

    def replace_services(self, services: Iterable[Service]) -> tuple[list[str], bool]:
        """And whether any has changed since it was last put."""
        return self._replace({service.name: service for service in services}, nodes=False)

    def replace_nodes(self, nodes: Iterable[Node]) -> list[str]:
        return self._replace({node.name: _as_service(node) for node in nodes}, nodes=True)[0]

    def put_slice(self, piece: Slice, now_us: int) -> list[str]:
        before = self.drop_slice(piece.name, now_us, piece.backends)
        self._slices[piece.name] = piece
        if piece.service:
            self._slices_of[piece.service].add(piece.name)
        return [*dict.fromkeys(filter(None, (*before, piece.service)))]

    def drop_slice(self, name: str, now_us: int, staying: tuple[str, ...] = ()) -> list[str]:
        piece = self._slices.pop(name, None)
        if piece is None or not piece.service:
            return []
        pieces = self._slices_of[piece.service]
        pieces.discard(name)
        if not pieces:
            del self._slices_of[piece.service]
        while self._left and self._left[0][0] + LATE_US < now_us:
            self._left.popleft()
        self._left.extend((now_us, piece.service, uid) for uid in piece.backends if uid not in staying)
        return [piece.service]

    def differ(self, pieces: Mapping[str, Slice]) -> bool:
        """Whether any slice has changed since it was last put."""
        return _versions(pieces) != _versions(self._slices)

    def slices(self) -> Set[str]:
        return self._slices.keys()

    def behind(self, name: str) -> dict[Key, frozenset[str]]:
        """By address of the service: its backends, those that are not ready included."""
        service = self._services.get(name)
        found: dict[Key, frozenset[str]] = {}
        if service is None:
            return found
        pieces = [self._slices[piece] for piece in self._slices_of.get(name, ())]
        for port in service.ports:
            of_family = {family: _backends(pieces, port, family) for family in (4, 6)}
            for ip in (*service.cluster_ips, *service.others):
                found[Key(ip, port.protocol, port.port)] = of_family[family_of(ip)]
            if port.node_port:
                found[Key(NODE_PORTS, port.protocol, port.node_port)] = of_family[4] | of_family[6]
        return found

    def is_own(self, name: str, ip: bytes) -> bool:
        """Whether the address is the service's alone: nobody had it before."""
        service = self._services.get(name)
        return service is not None and ip in service.cluster_ips

    def left_lately(self, name: str, now_us: int) -> Iterator[str]:
        """Backends that an address of the service may have had, of which the word comes later."""
        return (uid for left_us, service, uid in self._left if service == name and left_us + LATE_US >= now_us)

    def _replace(self, services: dict[str, Service], nodes: bool) -> tuple[list[str], bool]:
        before = {name: service for name, service in self._services.items() if (service.ports == (_NODE,)) == nodes}
        for name in before.keys() - services.keys():
            del self._services[name]
        self._services.update(services)
        return sorted(before.keys() | services.keys()), _versions(services) != _versions(before)


def _as_service(node: Node) -> Service:
    return Service(node.name, "", node.addresses, (), (_NODE,))


def _backends(pieces: Iterable[Slice], port: ServicePort, family: int) -> frozenset[str]:
    fitting = (piece for piece in pieces if piece.family == family and (port.name, port.protocol) in piece.ports)
    return frozenset(uid for piece in fitting for uid in piece.backends)


def _versions(things: Mapping[str, Service] | Mapping[str, Slice]) -> dict[str, str]:
    return {name: thing.version for name, thing in things.items()}
