"""The official client as a transport: answers, refusals, watches and their ends; and which API server is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.kubernetes.transport import JSON, ApiError
from producers.watcher.client import ClientTransport, open_client
from producers.watcher.informers import PATHS
from schemas.errors import SettingError
from tests.producers.kubernetes.fake_api import FakeApi
from tests.producers.watcher.fakes import client_to
from tests.producers.watcher.raw import service

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
clusters: [{{name: here, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: me, user: {{token: abc}}}}]
"""


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        server.put(PATHS["services"], service("web", ["10.96.0.1"]))
        yield server


@pytest.fixture
def transport(api: FakeApi) -> ClientTransport:
    return ClientTransport(client_to(api))


def test_a_kubeconfig_file_names_the_server_and_the_user(api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(KUBECONFIG.format(port=api.port))
    transport = ClientTransport(open_client(str(file)))
    assert b'"web"' in transport.get(f"{PATHS['services']}?limit=7", "application/json;as=Table")
    (request,) = api.requests
    assert (request.path, request.query, request.accept) == (PATHS["services"], {"limit": "7"}, "application/json;as=Table")
    assert request.token == "abc"  # noqa: S105


@pytest.mark.parametrize(
    ("kubeconfig", "said"), [("/absent/config", "WEIR_KUBECONFIG=/absent/config cannot"), ("", "WEIR_KUBECONFIG is empty, and this")]
)
def test_no_server_is_a_wrong_setting(kubeconfig: str, said: str) -> None:
    with pytest.raises(SettingError, match=f"^{said}.*name a kubeconfig"):
        open_client(kubeconfig)


def test_a_refusal_has_its_status_and_the_wait_that_was_asked_for(api: FakeApi, transport: ClientTransport) -> None:
    api.refuse(PATHS["services"], 429, "too many")
    api.retry_after = "3"
    with pytest.raises(ApiError, match="too many") as refused:
        transport.get(PATHS["services"], JSON)
    assert (refused.value.status, refused.value.retry_after) == (429, 3.0)
    with pytest.raises(ApiError):
        transport.stream(f"{PATHS['services']}?watch=1", JSON)


def test_a_watch_gives_lines_until_the_server_ends_it(api: FakeApi, transport: ClientTransport) -> None:
    lines = transport.stream(f"{PATHS['services']}?watch=1&resourceVersion=1", JSON)
    assert b'"ADDED"' in next(lines)
    api.put(PATHS["services"], service("other", ["10.96.0.2"]))
    assert b'"other"' in next(lines)
    api.end_watches()
    assert list(lines) == []


def test_a_watch_that_is_cut_is_an_os_error(api: FakeApi, transport: ClientTransport) -> None:
    lines = transport.stream(f"{PATHS['services']}?watch=1&resourceVersion=1", JSON)
    next(lines)
    api.cut()
    with pytest.raises(OSError):
        list(lines)


def test_a_server_that_is_away_is_an_os_error(api: FakeApi, transport: ClientTransport) -> None:
    api.away()
    with pytest.raises(OSError):
        transport.get(PATHS["services"], JSON)


def test_a_closed_transport_asks_nothing_more(api: FakeApi, transport: ClientTransport) -> None:
    lines = transport.stream(f"{PATHS['services']}?watch=1&resourceVersion=1", JSON)
    next(lines)
    transport.close()
    with pytest.raises(OSError):
        list(lines)
    with pytest.raises(OSError):
        transport.get(PATHS["services"], JSON)
