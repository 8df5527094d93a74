"""The API server by the official client: its addresses, certificates and tokens; the answers are read as they come, without its models."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import load_incluster_config
from kubernetes.config.kube_config import load_kube_config

from producers.kubernetes.transport import ApiError
from schemas.errors import SettingError

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 30.0
SILENCE_SECONDS = 150.0
"""A watch says something every minute or so, a bookmark at least: one that does not is broken."""
CONNECTIONS = 32
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEAD_AFTER = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 15_000))
"""An API server that is gone without a word is noticed within 20 seconds."""


def open_client(kubeconfig: str) -> ApiClient:
    """`kubeconfig`: path of a file; empty: what a pod is given. Raises SettingError where there is none that can be used."""
    configuration = Configuration()
    try:
        if kubeconfig:
            load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        if kubeconfig:
            raise SettingError(f"WEIR_KUBECONFIG={kubeconfig} cannot be used ({said}); name a kubeconfig file.") from error
        raise SettingError(f"WEIR_KUBECONFIG is empty, and this is no pod with a service account ({said}); name a kubeconfig.") from error
    return client_of(configuration)


def client_of(configuration: Configuration) -> ApiClient:
    configuration.retries = False  # The reflectors and the lease retry by rules of their own.
    configuration.connection_pool_maxsize = CONNECTIONS
    configuration.socket_options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *((socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in _DEAD_AFTER),
    ]
    client = ApiClient(configuration)
    client.user_agent = "weir-watcher"
    return client


def own_namespace() -> str:
    """Of the pod; `default` where this is none."""
    with suppress(OSError):
        return NAMESPACE_FILE.read_text(encoding="utf-8").strip() or "default"
    return "default"


class ClientTransport:
    """A producers.kubernetes.transport.Transport. Several may share a client."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._response: urllib3.BaseHTTPResponse | None = None
        self._closed = False

    def get(self, path_and_query: str, accept: str) -> bytes:
        return self.ask("GET", path_and_query, accept)

    def ask(
        self, method: str, path_and_query: str, accept: str, body: Mapping[str, Any] | None = None, seconds: float = ANSWER_SECONDS
    ) -> bytes:
        """The body of an answer with status 2xx."""
        return self._read(self._open(method, path_and_query, accept, seconds, body))

    def stream(self, path_and_query: str, accept: str) -> Iterator[bytes]:
        return self._lines(self._open("GET", path_and_query, accept, SILENCE_SECONDS))

    def close(self) -> None:
        self._closed = True
        response = self._response
        if response is not None:
            with suppress(Exception):
                response.shutdown()

    def _open(
        self, method: str, path_and_query: str, accept: str, seconds: float, body: Mapping[str, Any] | None = None
    ) -> urllib3.BaseHTTPResponse:
        if self._closed:
            raise ConnectionError("closed")
        headers = {"Accept": accept}
        request = self._client.param_serialize(method, path_and_query, header_params=headers, body=body, auth_settings=["BearerToken"])
        try:
            response: urllib3.BaseHTTPResponse = self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, seconds)).response
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(_words(error)) from error
        except ApiException as error:  # of TLS: refusals are read below
            raise ConnectionError(_words(error)) from error
        if not 200 <= response.status <= 299:
            retry_after = response.headers.get("Retry-After", "")
            text = self._read(response)[:300].decode(errors="replace")
            raise ApiError(response.status, " ".join(text.split()), float(retry_after) if retry_after.isdigit() else 0.0)
        self._response = response
        return response

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        try:
            data: bytes = response.data
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(_words(error)) from error
        finally:
            response.release_conn()
        return data

    def _lines(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in response.stream(65_536):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(_words(error)) from error
        finally:
            response.close()


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
