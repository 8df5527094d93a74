"""The registry's HTTP client against a small HTTP server in this process: a stand-in that knows the two calls, no registry."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from schemas.errors import SettingError, Unavailable
from schemas.wire.registry import HttpRegistry
from tests.support.schema_registry import JsonHandler


class _Handler(JsonHandler):
    seen: list[tuple[str, str, str | None]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, body["schema"], self.headers["Authorization"]))
        self.answer(200, {"id": 12})

    def do_GET(self) -> None:
        if self.path.endswith("/12"):
            self.answer(200, {"schema": '"int"'})
        elif self.path.endswith("/13"):
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
    assert HttpRegistry(f"http://me:s%40cret@{address}/prefix").register("weir.Flow/Batch", "{}") == 12
    assert _Handler.seen == [("/prefix/subjects/weir.Flow%2FBatch/versions", "{}", "Basic bWU6c0BjcmV0")]


def test_a_schema_is_fetched(address: str) -> None:
    assert HttpRegistry(f"http://{address}").get_schema(12) == '"int"'


def test_an_unknown_id_is_none(address: str) -> None:
    assert HttpRegistry(f"http://{address}").get_schema(13) is None


def test_a_failing_registry_is_unavailable(address: str) -> None:
    with pytest.raises(Unavailable, match="status 500: 'out of order'"):
        HttpRegistry(f"http://{address}").get_schema(14)


def test_an_absent_registry_is_unavailable_and_its_password_is_not_told() -> None:
    with pytest.raises(Unavailable, match="127.0.0.1:1 does not answer") as caught:
        HttpRegistry("http://me:secret@127.0.0.1:1").get_schema(1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://registry:port"])
def test_a_wrong_url_is_a_setting_error(url: str) -> None:
    with pytest.raises(SettingError):
        HttpRegistry(url)
