"""The answers, asked in the console's pod: computed by what its image holds, of what the cluster's own agents and watchers told."""

from __future__ import annotations

import json
import re

import pytest

from tests.cluster.cluster import kubectl, listed
from tests.cluster.installed import NAMESPACE as WEIR
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import Shop
from tests.support.processes import wait_for

CONSOLE = ("-n", WEIR, "exec", "deployment/weir-console", "--")
SELECTED = re.compile(r"^# its pods: kubectl get pods -n (\S+) -l (\S+)$", re.MULTILINE)
LEARNED = {"app=web", "app=catalog", "app=search", "app=database"}


@pytest.fixture(scope="module", autouse=True)
def _traded(shop: Shop) -> None:
    """A caller makes about ten requests a connection: each opens more than the twenty that are enough to be learned."""
    with shop.trading():
        shop.until_answered(400, {"cluster-ip", "headless", "database"}, 90)


@pytest.mark.parametrize("command", ["health", "cost --since 1h", "segments --since 1h", "findings", "forecast"])
def test_an_answer_is_given_in_a_pod(command: str) -> None:
    said = kubectl(*CONSOLE, "weir", *command.split(), "--format", "json")
    assert all(isinstance(json.loads(line), dict) for line in said.splitlines())


def test_a_path_is_known_to_work() -> None:
    said = kubectl(*CONSOLE, "weir", "path", f"{NAMESPACE}/web", f"{NAMESPACE}/catalog:80", "--format", "json")
    assert json.loads(said)["verdict"] == "works"


def test_a_policy_selects_the_pods_of_its_workload_and_the_api_server_takes_it() -> None:
    text = wait_for(_policies, 60, f"policies for {', '.join(sorted(LEARNED))}", every=1.0)
    selected = {selector: listed(namespace, "pods", selector) for namespace, selector in SELECTED.findall(text)}
    for selector, pods in selected.items():
        assert pods and {pod["metadata"]["labels"]["app"] for pod in pods} == {selector.removeprefix("app=")}
    assert kubectl("apply", "--dry-run=server", "-f", "-", given=text).count("created (server dry run)") == len(selected)


def _policies() -> str:
    """Empty until the watcher has told of all labels, some seconds after the pods began."""
    text = kubectl(*CONSOLE, "weir", "segments", "--since", "1h", "-q", f"namespace={NAMESPACE}", "--policy", "kubernetes")
    return text if {selector for _, selector in SELECTED.findall(text)} >= LEARNED else ""
