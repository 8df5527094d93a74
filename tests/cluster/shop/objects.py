"""The shop's objects: who calls whom, and on which way. The cluster has no name server, so that Services have chosen addresses here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAMESPACE = "shop"
EXTERNAL_IP, BALANCED_IP = "10.250.0.200", "10.250.0.201"
NODE_PORT = 30080
PROGRAM = Path(__file__).with_name("pod.py")

Object = dict[str, Any]


def objects(image: str, collector: str) -> list[Object]:
    """All of the shop, in the order in which it is to be made; its pods report to `collector`, host:port."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _named("program"), "data": {"pod.py": PROGRAM.read_text()}},
        *_services(),
        *_workloads(Pods(image, collector)),
    ]


def _services() -> list[Object]:
    return [
        _service("catalog", 80, "10.96.10.1"),
        _service("database", 5432, "10.96.10.2", target=5432),
        _service("search", 8080, "None"),
        # Two Deployments behind one Service: which of them answered cannot be said of a flow to the Service's address.
        _service("pay", 87, "10.96.10.3", selector={"part": "pay"}),
        _service("names", 53, "10.96.10.4", target=5353, protocol="UDP"),
        _service("catalog-for-hosts", 83, "10.96.10.5", selector={"app": "catalog"}),
        _service("catalog-for-jobs", 84, "10.96.10.6", selector={"app": "catalog"}),
        _service("moving", 85, "10.96.10.7", selector={"app": "cards"}),
        _service("catalog-node", 86, "10.96.10.8", selector={"app": "catalog"}, type="NodePort", node_port=NODE_PORT),
        _service("catalog-external", 81, "10.96.10.9", selector={"app": "catalog"}, externalIPs=[EXTERNAL_IP]),
        _service("catalog-balanced", 82, "10.96.10.10", selector={"app": "catalog"}, type="LoadBalancer"),
    ]


def _workloads(pods: Pods) -> list[Object]:
    to_catalog = [
        "--call=cluster-ip=10.96.10.1:80",
        "--call=headless=-:8080",
        f"--call=node-port=10.250.0.12:{NODE_PORT}",
        f"--call=external-ip={EXTERNAL_IP}:81",
        f"--call=load-balancer={BALANCED_IP}:82",
        "--call=two-behind=10.96.10.3:87",
        "--call-udp=datagrams=10.96.10.4:53",
    ]
    return [
        pods.deployment("search", ["--serve=8080"], replicas=2),
        pods.deployment("cards", ["--serve=8080"], labels={"part": "pay"}),
        pods.deployment("vouchers", ["--serve=8080"], labels={"part": "pay"}),
        pods.deployment("names", ["--serve-udp=5353"]),
        pods.stateful_set("database", ["--serve=5432"]),
        pods.deployment("catalog", ["--serve=8080", "--call=database=10.96.10.2:5432"], replicas=2, labels={"team": "goods"}),
        pods.deployment("web", to_catalog, replicas=2, labels={"team": "storefront"}),
        pods.deployment("mover", ["--call=moving=10.96.10.7:85"]),
        pods.daemon_set("probe", ["--call=host-network=10.96.10.5:83"]),
        pods.cron_job("stock", ["--call=cron-job=10.96.10.6:84", "--once=3"]),
    ]


class Pods:
    """Workloads whose pods run the shop's program in `image`."""

    def __init__(self, image: str, collector: str) -> None:
        self._image = image
        self._collector = collector

    def deployment(self, name: str, arguments: Sequence[str], replicas: int = 1, labels: dict[str, str] | None = None) -> Object:
        spec = {"replicas": replicas, **self._selected(name, arguments, labels or {})}
        spec["strategy"] = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _named(name, labels), "spec": spec}

    def stateful_set(self, name: str, arguments: Sequence[str]) -> Object:
        spec = {"serviceName": name, **self._selected(name, arguments, {})}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": _named(name), "spec": spec}

    def daemon_set(self, name: str, arguments: Sequence[str]) -> Object:
        """On the node's own network."""
        spec = self._selected(name, arguments, {})
        spec["template"]["spec"]["hostNetwork"] = True
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": _named(name), "spec": spec}

    def cron_job(self, name: str, arguments: Sequence[str]) -> Object:
        """Every minute a pod that lives for a moment."""
        template = self._template(name, arguments, {})
        template["spec"]["restartPolicy"] = "Never"
        spec = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"template": template, "backoffLimit": 0}}}
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _named(name), "spec": spec}

    def _selected(self, name: str, arguments: Sequence[str], labels: dict[str, str]) -> Object:
        return {"selector": {"matchLabels": {"app": name}}, "template": self._template(name, arguments, labels)}

    def _template(self, name: str, arguments: Sequence[str], labels: dict[str, str]) -> Object:
        container: Object = {
            "name": name,
            "image": self._image,
            "imagePullPolicy": "Never",
            "command": ["python3", "-u", "/shop/pod.py", *arguments],
            "env": [
                {"name": "COLLECTOR", "value": self._collector},
                {"name": "WORKLOAD", "value": f"{NAMESPACE}/{name}"},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "volumeMounts": [{"name": "program", "mountPath": "/shop"}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }
        if "--serve=8080" in arguments:
            container["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
        spec = {
            "containers": [container],
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 20,
            "topologySpreadConstraints": [_spread(name)],
            "volumes": [{"name": "program", "configMap": {"name": "program"}}],
        }
        return {"metadata": {"labels": {"app": name, **labels}}, "spec": spec}


def _spread(name: str) -> Object:
    chosen = {"labelSelector": {"matchLabels": {"app": name}}}
    return {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", **chosen}


def _service(
    name: str,
    port: int,
    address: str,
    *,
    target: int = 8080,
    protocol: str = "TCP",
    selector: dict[str, str] | None = None,
    node_port: int = 0,
    **more: object,
) -> Object:
    ports: Object = {"port": port, "targetPort": target, "protocol": protocol, **({"nodePort": node_port} if node_port else {})}
    spec = {"clusterIP": address, "selector": selector or {"app": name}, "ports": [ports], **more}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _named(name), "spec": spec}


def _named(name: str, labels: dict[str, str] | None = None) -> Object:
    return {"name": name, "namespace": NAMESPACE, "labels": {"app": name, **(labels or {})}}
