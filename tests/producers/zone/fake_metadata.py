"""A fake metadata service on loopback, for tests: it says so in every answer. `says` decides what is answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

TOKEN = "of-the-fake=="  # noqa: S105


class Asked(NamedTuple):
    method: str
    path: str
    fields: Mapping[str, str]


class Answer(NamedTuple):
    status: int
    text: str = ""


Says = Callable[[Asked], Answer]


class FakeMetadata(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, says: Says) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says = says
        self.asked: list[Asked] = []

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server_port


class _Handler(BaseHTTPRequestHandler):
    server: FakeMetadata
    server_version = "FakeMetadataOfTheTests/1"

    def do_GET(self) -> None:
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        self.server.asked.append(asked)
        status, text = self.server.says(asked)
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def fake_metadata(says: Says) -> Iterator[FakeMetadata]:
    with FakeMetadata(says) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def aws(asked: Asked) -> Answer:
    """The second version of the service alone: nothing without a token, as many accounts have it."""
    if asked.method == "PUT" and asked.path == "/latest/api/token":
        return Answer(200, TOKEN) if asked.fields.get("x-aws-ec2-metadata-token-ttl-seconds", "").isdigit() else Answer(400)
    if asked.fields.get("x-aws-ec2-metadata-token") != TOKEN:
        return Answer(401)
    found = asked.method == "GET" and asked.path == "/latest/meta-data/placement/availability-zone-id"
    return Answer(200, "use1-az2") if found else Answer(404)


def gcp(asked: Asked) -> Answer:
    if asked.fields.get("metadata-flavor") != "Google":
        return Answer(403)
    return Answer(200, "projects/123/zones/us-central1-a") if asked.path == "/computeMetadata/v1/instance/zone" else Answer(404)


def azure(asked: Asked, zone: str = "1") -> Answer:
    if asked.fields.get("metadata") != "true" or asked.path != "/metadata/instance/compute?api-version=2021-02-01":
        return Answer(400)
    return Answer(200, f'{{"location": "westeurope", "zone": "{zone}", "tagsList": []}}')
