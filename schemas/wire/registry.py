"""A client of Confluent's schema registry: the two calls that framing needs, over HTTP, without a library."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import SplitResult, quote, unquote

from schemas.errors import SettingError, Unavailable
from schemas.urls import scheme_of, split_url

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


def read_registry_url(url: str) -> SplitResult:
    """Its parts. ValueError with half a sentence that repeats none but the scheme."""
    if scheme_of(url) not in ("http", "https"):
        raise ValueError(f"it has the scheme {scheme_of(url)!r}; write it as http://host:8081")
    parts = split_url(url)
    if not parts.hostname:
        raise ValueError("it names no host; write it as http://host:8081")
    return parts


class HttpRegistry:
    """`url` like https://user:password@registry:8081/prefix. Blocks; a call lasts `timeout` seconds at most."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        try:
            parts = read_registry_url(url)
        except ValueError as error:
            raise SettingError(f"WEIR_SCHEMA_REGISTRY_URL is not usable: {error}.") from None
        self._host, self._port = parts.hostname, parts.port
        self._secure = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()

    def register(self, subject: str, schema: str) -> int:
        status, answer = self._ask("POST", f"/subjects/{quote(subject, safe='')}/versions", json.dumps({"schema": schema}))
        if status != 200 or not isinstance(answer.get("id"), int):
            raise Unavailable(f"The schema registry {self._name} did not take schema {subject} (status {status}: {_said(answer)}).")
        return int(answer["id"])

    def get_schema(self, schema_id: int) -> str | None:
        status, answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        if status == 404:
            return None
        if status != 200 or not isinstance(answer.get("schema"), str):
            raise Unavailable(f"The schema registry {self._name} did not give schema {schema_id} (status {status}: {_said(answer)}).")
        return str(answer["schema"])

    @property
    def _name(self) -> str:
        """Without user and password."""
        return f"{self._host}:{self._port}" if self._port else str(self._host)

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(str(self._host), self._port, timeout=self._timeout)
        try:
            connection.request(method, self._prefix + path, body, self._headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"The schema registry {self._name} does not answer as one ({error}); check its URL.") from error
        finally:
            connection.close()
        return response.status, answer if isinstance(answer, dict) else {}


def _said(answer: dict[str, Any]) -> str:
    return ascii(answer.get("message", "nothing said"))[:200]
