"""The files for production name things that exist: settings, commands, folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.processes import ROOT
from weir.cli import COMMANDS
from weir.settings.catalogue import Settings

MANIFESTS = sorted((ROOT / "infra" / "k8s").glob("*.yaml"))
DOCKERFILES = sorted((ROOT / "infra" / "docker").glob("Dockerfile"))
NAMES = {f"WEIR_{field.upper()}" for field in Settings.model_fields}


def documents() -> Iterator[dict[str, Any]]:
    for manifest in MANIFESTS:
        yield from yaml.safe_load_all(manifest.read_text())


def pods() -> list[dict[str, Any]]:
    return [found["spec"]["template"]["spec"] for found in documents() if found["kind"] in ("DaemonSet", "Deployment")]


@pytest.mark.parametrize("path", [*MANIFESTS, *DOCKERFILES], ids=lambda path: path.name)
def test_only_settings_that_exist_are_named(path: Path) -> None:
    named = set(re.findall(r"WEIR_[A-Z_]+", path.read_text()))
    assert named - NAMES == set()


def test_the_manifests_hold_what_production_needs() -> None:
    kinds = {found["kind"] for found in documents()}
    assert kinds == {"Namespace", "ConfigMap", "Secret", "DaemonSet", "Deployment", "HorizontalPodAutoscaler"}
    assert all(found["apiVersion"] and found["metadata"]["name"] for found in documents())


def test_values_of_settings_are_accepted() -> None:
    given = {name: value for found in documents() for name, value in {**found.get("data", {}), **found.get("stringData", {})}.items()}
    for pod in pods():
        for container in pod["containers"]:
            given |= {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}
    settings = Settings(**{name.removeprefix("WEIR_").lower(): value for name, value in given.items()})
    assert settings.kafka_bootstrap
    assert settings.metrics_port


def test_every_container_runs_a_command_of_weir() -> None:
    for pod in pods():
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            command = container.get("args", [container["name"]])[0]
            assert command in COMMANDS, f"{container['name']} runs `weir {command}`, which does not exist"


def test_agents_and_workers_are_scraped_and_probed_where_they_listen() -> None:
    found = {
        document["metadata"]["name"]: document["spec"]["template"]
        for document in documents()
        if document["kind"] in ("DaemonSet", "Deployment")
    }
    assert {"weir-agent", "weir-worker"} <= found.keys()
    ports = set()
    for name in ("weir-agent", "weir-worker"):
        (container,) = found[name]["spec"]["containers"]
        (port,) = [entry["value"] for entry in container["env"] if entry["name"] == "WEIR_METRICS_PORT"]
        assert found[name]["metadata"]["annotations"] == {"prometheus.io/scrape": "true", "prometheus.io/port": port}
        assert [entry["containerPort"] for entry in container["ports"] if entry["name"] == "metrics"] == [int(port)]
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "metrics" and container[probe]["httpGet"]["path"].startswith("/health")
        ports.add(port)
    assert len(ports) == 2, "they may share an address"


def test_mounted_volumes_are_declared() -> None:
    for pod in pods():
        declared = {volume["name"] for volume in pod.get("volumes", [])}
        mounted = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
        assert mounted == declared


def test_the_build_is_given_every_package_and_nothing_else_of_the_clone() -> None:
    first, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert first == "*"
    names = {line.removeprefix("!") for line in kept if line.startswith("!")}
    assert {"bpf", "producers", "schemas", "sinks", "streams", "weir"} <= names
    assert [name for name in sorted(names) if not (ROOT / name).exists()] == []
