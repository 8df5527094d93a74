"""What doctor says of a watcher's API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.watcher.informers import PATHS
from tests.producers.kubernetes.fake_api import FakeApi
from tests.producers.watcher.test_client import KUBECONFIG
from weir.doctor.cluster import check_cluster
from weir.doctor.finding import Finding
from weir.settings.catalogue import Settings


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        for path in PATHS.values():
            server.bookmark(path)
        yield server


def checked(api: FakeApi, tmp_path: Path) -> Finding:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG.format(port=api.port))
    (finding,) = check_cluster(Settings.model_validate({"kubeconfig": file, "lease_namespace": "weir"}))
    return finding


def test_a_server_that_lists_everything_is_fit(api: FakeApi, tmp_path: Path) -> None:
    assert checked(api, tmp_path).fit is True
    assert api.count("/apis/coordination.k8s.io/v1/namespaces/weir/leases/weir-watcher") == 1


@pytest.mark.parametrize(("kind", "fit"), [("endpointslices", False), ("cronjobs", True)])
def test_a_kind_that_may_not_be_listed_is_named(api: FakeApi, tmp_path: Path, kind: str, fit: bool) -> None:
    api.refuse(PATHS[kind])
    found = checked(api, tmp_path)
    assert (found.fit, found.found, found.remedy) == (fit, f"{kind} may not be listed", "grant get, list and watch on them")


def test_a_lease_that_may_not_be_read_is_no_good(api: FakeApi, tmp_path: Path) -> None:
    api.refuse("/apis/coordination.k8s.io")
    assert checked(api, tmp_path).fit is False


def test_a_server_that_is_away_is_no_good(api: FakeApi, tmp_path: Path) -> None:
    api.away()
    found = checked(api, tmp_path)
    assert found.fit is False and found.found.startswith("the API server cannot be used: ")


def test_no_server_is_not_needed() -> None:
    (found,) = check_cluster(Settings())
    assert found.fit is None and "WEIR_KUBECONFIG is empty" in found.found
