"""Kubernetes' objects as values: what the watcher reads of each, taken from the JSON of the API.

A function named `read_...` gets one object as parsed JSON. It raises LookupError, TypeError or ValueError for one that lacks what every
object has; what is merely strange in it is read so that less is known: a backend without a pod, an address left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from producers.kubernetes.owners import Metadata, parse_metadata
from schemas.addresses import MAPPED

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}
SERVICE_NAME = "kubernetes.io/service-name"
_FAMILIES = {"IPv4": 4, "IPv6": 6}
NO_POD = "@"
"""Begins a backend that is no pod: its address follows."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`node_port` 0: none."""

    name: str
    protocol: int
    port: int
    node_port: int


@dataclass(frozen=True, slots=True)
class Service:
    """`name`: namespace/name. Addresses have 16 bytes. `others`: external addresses and those of load balancers.

    A headless service and an ExternalName have neither addresses nor ports: their names lead to other addresses.
    """

    name: str
    version: str
    cluster_ips: tuple[bytes, ...]
    others: tuple[bytes, ...]
    ports: tuple[ServicePort, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of a service's endpoints. `service`: namespace/name; empty: of none. `ports`: (name, protocol).

    `backends`: uids of pods, or NO_POD and an address; ready or not.
    """

    name: str
    version: str
    service: str
    family: int
    ports: tuple[tuple[str, int], ...]
    backends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    version: str
    addresses: tuple[bytes, ...]
    labels: Mapping[str, str]


def read_service(raw: Mapping[str, Any]) -> Service:
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    name, version = f"{metadata['namespace']}/{metadata['name']}", str(metadata.get("resourceVersion", ""))
    listed = spec.get("clusterIPs") or [spec.get("clusterIP")]
    if spec.get("type") == "ExternalName" or not listed[0] or listed[0] == "None":
        return Service(name, version, (), (), ())
    balancer = (raw.get("status") or {}).get("loadBalancer") or {}
    others = [*(spec.get("externalIPs") or ()), *(entry.get("ip") for entry in balancer.get("ingress") or ())]
    return Service(name, version, _addresses(listed), _addresses(others), tuple(map(_service_port, spec.get("ports") or ())))


def _service_port(raw: Mapping[str, Any]) -> ServicePort:
    return ServicePort(raw.get("name") or "", _protocol(raw), int(raw["port"]), int(raw.get("nodePort") or 0))


def _protocol(port: Mapping[str, Any]) -> int:
    return PROTOCOLS.get(port.get("protocol") or "TCP", 0)


def read_slice(raw: Mapping[str, Any]) -> Slice:
    """Of no service where it lacks the label, or names hosts in place of addresses."""
    metadata = raw["metadata"]
    namespace, service = metadata["namespace"], (metadata.get("labels") or {}).get(SERVICE_NAME)
    family = _FAMILIES.get(raw["addressType"], 0)
    ports = tuple((port.get("name") or "", _protocol(port)) for port in raw.get("ports") or ())
    backends = tuple(dict.fromkeys(_backend(endpoint) for endpoint in raw.get("endpoints") or ()))
    name, version = f"{namespace}/{metadata['name']}", str(metadata.get("resourceVersion", ""))
    return Slice(name, version, f"{namespace}/{service}" if service and family else "", family, ports, backends)


def _backend(endpoint: Mapping[str, Any]) -> str:
    target = endpoint.get("targetRef") or {}
    if target.get("kind") == "Pod" and target.get("uid"):
        return str(target["uid"])
    return NO_POD + ",".join(map(str, endpoint.get("addresses") or ()))


def read_node(raw: Mapping[str, Any]) -> Node:
    metadata = raw["metadata"]
    listed = (raw.get("status") or {}).get("addresses") or ()
    addresses = _addresses([entry.get("address") for entry in listed if entry.get("type") in ("InternalIP", "ExternalIP")])
    return Node(metadata["name"], str(metadata.get("resourceVersion", "")), addresses, _labels(metadata))


def read_pod(raw: Mapping[str, Any]) -> Metadata:
    """Labels are kept of pods that are workloads themselves: those of others are their owners' business, and would take memory."""
    metadata = parse_metadata(raw)
    owner = metadata.controller
    return metadata if owner is None or owner.kind == "Node" else _without_labels(metadata)


def _without_labels(pod: Metadata) -> Metadata:
    return Metadata(pod.uid, pod.namespace, pod.name, pod.version, {}, pod.controller, pod.config_hash, pod.created_us)


def _labels(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (metadata.get("labels") or {}).items()}


def _addresses(texts: list[Any]) -> tuple[bytes, ...]:
    """Each once, in their order; what is no address is left out."""
    found: dict[bytes, None] = {}
    for text in texts:
        try:
            packed = ip_address(text).packed
        except ValueError:
            continue
        found[packed if len(packed) == 16 else MAPPED + packed] = None
    return tuple(found)


def family_of(address: bytes) -> int:
    """4 or 6, of an address in 16 bytes."""
    return 4 if address.startswith(MAPPED) else 6
