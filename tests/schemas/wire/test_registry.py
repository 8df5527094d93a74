"""The registry's HTTP client against a small HTTP server in this process: a stand-in that knows the two calls, no registry."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from producers.publish.registry import RegistryInChild
from schemas.errors import SettingError, Unavailable
from schemas.wire.registry import ConfluentRegistry, RegistryAddress
from tests.support.schema_registry import JsonHandler, SchemaRegistry
from tests.support.secured_kafka import self_signed


class _Handler(JsonHandler):
    seen: list[tuple[str, str, str | None]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path.partition("?")[0], body["schema"], self.headers["Authorization"]))
        self.answer(200, {"id": 12})

    def do_GET(self) -> None:
        if "/12" in self.path:
            self.answer(200, {"schema": '"int"'})
        elif "/13" in self.path:
            self.answer(404, {"message": "not found"})
        else:
            self.answer(500, {"message": "out of order"})


@pytest.fixture
def address() -> Iterator[str]:
    _Handler.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_register_sends_subject_schema_and_login(address: str) -> None:
    assert ConfluentRegistry(RegistryAddress(f"http://me:s%40cret@{address}/prefix")).register("weir.Flow/Batch", "{}") == 12
    assert _Handler.seen == [("/prefix/subjects/weir.Flow%2FBatch/versions", "{}", "Basic bWU6c0BjcmV0")]


def test_a_schema_is_fetched(address: str) -> None:
    assert ConfluentRegistry(RegistryAddress(f"http://{address}")).get_schema(12) == '"int"'


def test_an_unknown_id_is_none(address: str) -> None:
    assert ConfluentRegistry(RegistryAddress(f"http://{address}")).get_schema(13) is None


def test_a_failing_registry_is_unavailable(address: str) -> None:
    with pytest.raises(Unavailable, match="status 500: 'out of order'"):
        ConfluentRegistry(RegistryAddress(f"http://{address}")).get_schema(14)


def test_an_absent_registry_is_unavailable_and_its_password_is_not_told() -> None:
    with pytest.raises(Unavailable, match="127.0.0.1:1 does not answer") as caught:
        ConfluentRegistry(RegistryAddress("http://me:secret@127.0.0.1:1")).get_schema(1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://registry:port"])
def test_a_wrong_url_is_a_setting_error(url: str) -> None:
    with pytest.raises(SettingError):
        ConfluentRegistry(RegistryAddress(url))


def test_https_with_a_ca_of_ones_own(tmp_path: Path) -> None:
    ca = self_signed(tmp_path)
    with SchemaRegistry(certificate=tmp_path / "broker.pem") as registry:
        for asked in (ConfluentRegistry(RegistryAddress(registry.url, str(ca))), RegistryInChild(RegistryAddress(registry.url, str(ca)))):
            assert asked.register("weir.FlowBatch", '"int"') == 100_001  # the stand-in's first
        with pytest.raises(Unavailable, match="(?i)certificate"):
            ConfluentRegistry(RegistryAddress(registry.url)).register("weir.FlowBatch", '"int"')


def test_an_agent_asks_in_a_child_and_repeats_no_password(address: str) -> None:
    assert RegistryInChild(RegistryAddress(f"http://me:s%40cret@{address}/prefix")).register("weir.FlowBatch", "{}") == 12
    assert _Handler.seen == [("/prefix/subjects/weir.FlowBatch/versions", "{}", "Basic bWU6c0BjcmV0")]
    with pytest.raises(Unavailable, match="127.0.0.1:1 does not answer") as caught:
        RegistryInChild(RegistryAddress("http://me:secret@127.0.0.1:1")).register("weir.FlowBatch", "{}")
    assert "secret" not in str(caught.value)
