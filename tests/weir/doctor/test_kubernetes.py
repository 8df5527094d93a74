"""What the doctor says of the cluster that it runs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.kubernetes import api_client
from producers.kubernetes.api_client import ApiServer
from tests.producers.kubernetes.certificates import make_account
from tests.producers.kubernetes.fake_api import FakeApi
from weir.doctor.finding import Finding
from weir.doctor.kubernetes import check_kubernetes
from weir.settings.catalogue import Settings

SETTINGS = Settings(node_name="n1")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    with FakeApi(make_account(tmp_path)) as fake:
        monkeypatch.setattr(api_client, "in_cluster", lambda: ApiServer("127.0.0.1", fake.port, tmp_path))
        fake.put("/api/v1/nodes", {"metadata": {"name": "n1", "uid": "u"}})
        yield fake


def test_a_server_that_grants_all(api: FakeApi) -> None:
    answers, rights = check_kubernetes(SETTINGS)
    assert answers == Finding("Kubernetes", True, f"the API server at 127.0.0.1:{api.port} answers")
    assert rights.fit and not rights.remedy


@pytest.mark.parametrize(
    ("path", "right", "rule"),
    [
        ("/api/v1/pods", "list pods, watch pods", '{apiGroups: [""], resources: [pods], verbs: [list, watch]}'),
        ("/apis/apps", "get replicasets", "{apiGroups: [apps], resources: [replicasets], verbs: [get]}"),
        ("/apis/batch", "get jobs", "{apiGroups: [batch], resources: [jobs], verbs: [get]}"),
        ("/api/v1/nodes", "get nodes", '{apiGroups: [""], resources: [nodes], verbs: [get]}'),
    ],
)
def test_a_right_that_is_missing_is_named_with_its_rule(api: FakeApi, path: str, right: str, rule: str) -> None:
    api.refuse(path)
    answers, rights = check_kubernetes(SETTINGS)
    assert answers.fit and rights.fit is False
    assert rights.found == f"may not {right}" and rights.remedy.count(rule) == 1


def test_a_node_that_the_cluster_does_not_know(api: FakeApi) -> None:
    (found,) = check_kubernetes(Settings(node_id="other"))
    assert found.fit is False and "knows no node other" in found.found and "WEIR_NODE_NAME" in found.remedy
    (found,) = check_kubernetes(Settings())
    assert found.fit is False and "WEIR_NODE_NAME" in found.remedy


def test_a_server_that_does_not_answer_or_fails(api: FakeApi) -> None:
    api.refuse("/api/v1/pods", 500, "etcd is away")
    (found,) = check_kubernetes(SETTINGS)
    assert found.fit is False and "etcd is away" in found.found
    api.away()
    (found,) = check_kubernetes(SETTINGS)
    assert found.fit is False and "does not answer" in found.found and "refused" in found.found


def test_outside_of_a_cluster_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert check_kubernetes(SETTINGS) == (Finding("Kubernetes", None, "this is no pod of a cluster"),)
    assert check_kubernetes(Settings(kubernetes="off"))[0].fit is None
