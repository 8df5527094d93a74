"""The agent's client against a fake API server with TLS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from producers.kubernetes import api_client
from producers.kubernetes.api_client import ApiClient, ApiServer, in_cluster
from producers.kubernetes.transport import JSON, ApiError
from tests.producers.kubernetes.certificates import make_account
from tests.producers.kubernetes.fake_api import FakeApi

PODS = "/api/v1/pods"
POD: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "web", "uid": "u"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(make_account(tmp_path)) as fake:
        yield fake


@pytest.fixture
def client(api: FakeApi, tmp_path: Path) -> Iterator[ApiClient]:
    client = ApiClient(ApiServer("127.0.0.1", api.port, tmp_path))
    yield client
    client.close()
    assert client._link is None


def test_an_answer_comes_whole_and_the_token_is_read_each_time(api: FakeApi, client: ApiClient, tmp_path: Path) -> None:
    api.put(PODS, POD)
    assert json.loads(client.get(f"{PODS}?limit=5", JSON))["items"][0]["metadata"]["name"] == "web"
    (tmp_path / "token").write_text("second\n")
    client.get(PODS, JSON)
    assert [request.token for request in api.requests] == ["first", "second"]


def test_one_connection_serves_many_requests_and_is_replaced_when_the_server_closed_it(api: FakeApi, client: ApiClient) -> None:
    client.get(PODS, JSON)
    first = client._link
    client.get(PODS, JSON)
    assert client._link is first
    api.cut()
    client.get(PODS, JSON)
    assert client._link is not first


def test_a_refusal_carries_status_message_and_the_time_to_wait(api: FakeApi, client: ApiClient) -> None:
    api.refuse(PODS, 429, "slow down")
    api.retry_after = "7"
    with pytest.raises(ApiError, match="429: slow down") as caught:
        client.get(PODS, JSON)
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)
    api.allow(PODS)
    assert client.get(PODS, JSON)


def test_a_stream_gives_lines_and_ends_when_the_server_ends_it(api: FakeApi, client: ApiClient) -> None:
    lines = client.stream(f"{PODS}?watch=1", JSON)
    api.wait_for_watch(PODS)
    names = []
    for number in range(3):
        api.put(PODS, {"metadata": {"namespace": "shop", "name": f"web-{number}", "uid": "u"}})
        names.append(json.loads(next(lines))["object"]["metadata"]["name"])
    api.end_watches()
    assert list(lines) == [] and names == ["web-0", "web-1", "web-2"]
    link = client._link
    client.get(PODS, JSON)
    assert client._link is link, "a stream that ended well leaves its connection"


def test_a_torn_stream_is_no_end(api: FakeApi, client: ApiClient) -> None:
    lines = client.stream(f"{PODS}?watch=1", JSON)
    api.wait_for_watch(PODS)
    api.put(PODS, POD)
    next(lines)
    api.cut()
    with pytest.raises(OSError, match="."):
        next(lines)
    assert client.get(PODS, JSON)


def test_closing_from_another_thread_ends_a_stream_that_waits(api: FakeApi, client: ApiClient) -> None:
    lines = client.stream(f"{PODS}?watch=1", JSON)
    api.wait_for_watch(PODS)
    threading.Timer(0.05, client.close).start()
    with pytest.raises(OSError, match="."):
        next(lines)
    with pytest.raises(OSError, match="closed"):
        client.get(PODS, JSON)


def test_a_server_that_does_not_answer_is_given_up(api: FakeApi, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "ANSWER_SECONDS", 0.2)
    api.hang(PODS)
    with pytest.raises(OSError, match="timed out"):
        client.get(PODS, JSON)


def test_nobody_there(api: FakeApi, client: ApiClient) -> None:
    api.away()
    with pytest.raises(OSError, match="refused"):
        client.get(PODS, JSON)


def test_a_certificate_of_another_authority_is_refused(api: FakeApi, client: ApiClient, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_account(other)
    stranger = ApiClient(ApiServer("127.0.0.1", api.port, other))
    with pytest.raises(OSError, match="certificate"):
        stranger.get(PODS, JSON)
    assert not api.requests


def test_an_answer_or_a_line_without_end_is_cut_short(api: FakeApi, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    api.put(PODS, {"metadata": {"namespace": "shop", "name": "w" * 5_000, "uid": "u"}})
    monkeypatch.setattr(api_client, "ANSWER_BYTES", 1_000)
    monkeypatch.setattr(api_client, "LINE_BYTES", 1_000)
    monkeypatch.setattr(api_client, "_PIECE", 500)
    with pytest.raises(OSError, match="over 1000 bytes"):
        client.get(PODS, JSON)
    lines = client.stream(f"{PODS}?watch=1&resourceVersion=1", JSON)
    with pytest.raises(OSError, match="over 1000 bytes"):
        next(lines)


def test_a_server_that_is_no_http_is_an_error_of_the_connection(client: ApiClient, monkeypatch: pytest.MonkeyPatch, api: FakeApi) -> None:
    monkeypatch.setattr("tests.producers.kubernetes.fake_api._Handler.do_GET", lambda self: self.wfile.write(b"SSH-2.0\r\n\r\n"))
    with pytest.raises(OSError, match="."):
        client.get(PODS, JSON)


def test_in_cluster_needs_the_environment_and_a_token(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert in_cluster(environment, tmp_path) is None
    (tmp_path / "token").write_text("t")
    assert in_cluster(environment, tmp_path) == ApiServer("10.96.0.1", 6443, tmp_path)
    assert in_cluster({}, tmp_path) is None
    assert in_cluster({"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "x"}, tmp_path) is None
