"""Objects as the API server of Kubernetes gives them, as much of them as the watcher reads, with some of what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CREATED = "2026-01-01T00:00:00Z"
CREATED_US = 1_767_225_600_000_000
GROUPS = {"ReplicaSet": "apps/v1", "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"}

Raw = dict[str, Any]


def metadata(name: str, namespace: str = "shop", *, version: int = 1, owner: tuple[str, str] | None = None, **more: Any) -> Raw:
    """`owner`: kind and name. The uid is made of the name."""
    found: Raw = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "creationTimestamp": CREATED, **more}
    if namespace:
        found["namespace"] = namespace
    if owner is not None:
        kind, its = owner
        reference = {"apiVersion": GROUPS.get(kind, "batch/v1"), "kind": kind, "name": its, "uid": f"uid-{its}", "controller": True}
        found["ownerReferences"] = [reference]
    return found


def thing(name: str, namespace: str = "shop", **more: Any) -> Raw:
    """What was asked for as metadata only: a pod, a Deployment, ..."""
    return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata(name, namespace, **more)}


def port(number: int, name: str = "", protocol: str = "TCP", node_port: int = 0) -> Raw:
    named = {"name": name} if name else {}
    return {**named, "port": number, "protocol": protocol, "targetPort": 8080, **({"nodePort": node_port} if node_port else {})}


def service(
    name: str,
    ips: Sequence[str],
    ports: Sequence[Raw] = (),
    *,
    kind: str = "ClusterIP",
    version: int = 1,
    namespace: str = "shop",
    **more: Any,
) -> Raw:
    """`more`: of its spec; `ingress`: addresses of its load balancer."""
    ingress = more.pop("ingress", ())
    spec = {"type": kind, "clusterIP": ips[0] if ips else "", "clusterIPs": list(ips), "ports": list(ports or [port(80)]), **more}
    status = {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]} if ingress else {}}
    return {"metadata": metadata(name, namespace, version=version), "spec": spec, "status": status}


def piece(
    name: str,
    of: str,
    pods: Sequence[str],
    *,
    ports: Sequence[tuple[str, int]] = (("", 8080),),
    family: str = "IPv4",
    version: int = 1,
    namespace: str = "shop",
    protocol: str = "TCP",
    ready: bool = True,
    outside: Sequence[str] = (),
) -> Raw:
    """An EndpointSlice of service `of`; `pods` by name, `outside`: addresses without a pod."""
    with_pods = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod, "uid": f"uid-{pod}"}}
        for pod in pods
    ]
    return {
        "metadata": metadata(name, namespace, version=version, labels={"kubernetes.io/service-name": of}),
        "addressType": family,
        "endpoints": with_pods + [{"addresses": [address], "conditions": {"ready": True}} for address in outside],
        "ports": [{"name": its, "port": number, "protocol": protocol} for its, number in ports],
    }


def node(name: str, addresses: Sequence[str], labels: Mapping[str, str] | None = None, *, version: int = 1) -> Raw:
    listed = [{"type": "Hostname", "address": name}, *({"type": "InternalIP", "address": address} for address in addresses)]
    return {"metadata": metadata(name, "", version=version, labels=dict(labels or {})), "status": {"addresses": listed}}
