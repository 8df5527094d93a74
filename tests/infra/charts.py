"""weir's chart, rendered: the objects of each set of values in chart_values/."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.processes import ROOT

Object = dict[str, Any]

CHART = ROOT / "infra" / "helm" / "weir"
VALUES = sorted((ROOT / "tests" / "infra" / "chart_values").glob("*.yaml"))
NAMESPACE = "flows"
WITH_PODS = ("DaemonSet", "Deployment", "Job", "StatefulSet")


@cache
def tool(name: str) -> Path:
    """Where infra/go-tools.sh has it; built at the first call on a machine, which `make setup-test` does beforehand."""
    done = subprocess.run(["bash", str(ROOT / "infra" / "go-tools.sh"), name], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def helm_template(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(tool("helm")), "template", "weir", str(CHART), "--namespace", NAMESPACE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@cache
def rendered_text(values: str) -> str:
    done = helm_template("--values", str(next(path for path in VALUES if path.stem == values)))
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def rendered(values: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(rendered_text(values)) if found]


def of_kind(values: str, *kinds: str) -> list[Object]:
    return [found for found in rendered(values) if found["kind"] in kinds]


def one(values: str, kind: str, name: str) -> Object:
    (found,) = [each for each in of_kind(values, kind) if each["metadata"]["name"] == name]
    return found


def pods(values: str) -> Iterator[tuple[str, Object]]:
    """Component and pod template of everything that makes pods."""
    for found in of_kind(values, *WITH_PODS):
        yield found["metadata"]["labels"]["app.kubernetes.io/component"], found["spec"]["template"]


def environment(values: str, part: str) -> dict[str, str]:
    """What weir's settings are in the container of a part: its ConfigMap's and its own. A name that the node gives is `node-1`."""
    pod = dict(pods(values))[part]
    (container,) = pod["spec"]["containers"]
    names = [source["configMapRef"]["name"] for source in container["envFrom"]]
    shared = {name: value for each in names for name, value in one(values, "ConfigMap", each)["data"].items()}
    return shared | {entry["name"]: entry.get("value", "node-1") for entry in container["env"]}
