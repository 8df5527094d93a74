"""The agent's client of the API server: http.client over TLS, as the pod's service account.

The kubernetes package and what it brings along would take tens of megabytes. http.client takes 0.6 MB, TLS with one connection 4.5 MB.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from producers.kubernetes.transport import ApiError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's token, which it replaces from time to time, and the cluster's CA certificate."""
ANSWER_SECONDS = 10.0
"""For a connection, and for each piece of an answer that is not a stream."""
SILENCE_SECONDS = 660.0
"""A stream that gives nothing for so long is broken: bookmarks come every minute, and a server ends each watch within ten."""
ANSWER_BYTES = 64 * 2**20
LINE_BYTES = 4 * 2**20
"""One object with what surrounds it. etcd takes none over 1.5 MB."""
_PIECE = 32_768
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 3), (socket.TCP_KEEPCNT, 3), (socket.TCP_USER_TIMEOUT, 14_000))
"""A server that is gone without a word is noticed within 14 seconds."""


@dataclass(frozen=True)
class ApiServer:
    """Where the server is, and the folder with `token` and `ca.crt`."""

    host: str
    port: int
    account: Path = SERVICE_ACCOUNT


def in_cluster(environment: Mapping[str, str] = os.environ, account: Path = SERVICE_ACCOUNT) -> ApiServer | None:
    """The API server of the cluster that this process is a pod of; None: it is in none, or has no service account."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not port.isdecimal() or not (account / "token").exists():
        return None
    return ApiServer(host, int(port), account)


class ApiClient:
    """A Transport. One connection, kept from request to request; made anew when it breaks."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._connection: http.client.HTTPSConnection | None = None
        self._link: socket.socket | None = None
        self._busy = threading.Lock()
        self._closed = False

    def get(self, path_and_query: str, accept: str) -> bytes:
        with self._busy:
            answer = self._accepted(path_and_query, accept)
            try:
                body = answer.read(ANSWER_BYTES)
                if not answer.isclosed():
                    raise ConnectionError(f"the answer is over {ANSWER_BYTES} bytes")
            except (http.client.HTTPException, OSError) as error:
                raise self._broken(error) from error
            if self._closed:  # meanwhile
                self._release()
            return body

    def stream(self, path_and_query: str, accept: str) -> Iterator[bytes]:
        self._busy.acquire()
        try:
            answer = self._accepted(path_and_query, accept)
            if self._link is not None:
                self._link.settimeout(SILENCE_SECONDS)
        except BaseException:
            self._busy.release()
            raise
        return self._lines(answer)

    def close(self) -> None:
        self._closed = True
        if (link := self._link) is not None:
            with suppress(OSError):
                # Not the method of SSLSocket, which takes the TLS away under a thread that reads.
                socket.socket.shutdown(link, socket.SHUT_RDWR)
        if self._busy.acquire(blocking=False):  # Whoever is at work closes the connection that has broken.
            self._release()
            self._busy.release()

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._link = None

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        ended, rest = False, b""
        try:
            # Pieces, not lines: readline takes a torn answer for one that has ended.
            while piece := answer.read1(_PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
                if len(rest) > LINE_BYTES:
                    raise ConnectionError(f"a line is over {LINE_BYTES} bytes")
            ended = answer.isclosed() and not rest
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise ConnectionError(_why(error)) from error
        finally:
            if not ended or self._closed:
                self._release()
            self._busy.release()
        if not ended:
            raise ConnectionError("the answer is torn")

    def _accepted(self, path_and_query: str, accept: str) -> http.client.HTTPResponse:
        """The answer, of status 200, its body unread."""
        kept = self._connection is not None
        try:
            answer = self._ask(path_and_query, accept)
        except ConnectionError:
            if not kept or self._closed:
                raise
            answer = self._ask(path_and_query, accept)  # The server had closed an idle connection.
        if answer.status != 200:
            raise self._refused(answer)
        return answer

    def _ask(self, path_and_query: str, accept: str) -> http.client.HTTPResponse:
        try:
            connection = self._connection or self._connect()
            if self._link is not None:
                self._link.settimeout(ANSWER_SECONDS)
            fields = {"Authorization": f"Bearer {self._token()}", "Accept": accept, "User-Agent": "weir-agent"}
            connection.request("GET", path_and_query, headers=fields)
            return connection.getresponse()
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise self._broken(error) from error

    def _connect(self) -> http.client.HTTPSConnection:
        if self._closed:
            raise ConnectionError("closed")
        server = self._server
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(server.account / "ca.crt")
        connection = http.client.HTTPSConnection(server.host, server.port, timeout=ANSWER_SECONDS, context=context)
        connection.connect()
        self._connection, self._link = connection, connection.sock
        self._link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            self._link.setsockopt(socket.IPPROTO_TCP, option, value)
        if self._closed:  # meanwhile
            raise ConnectionError("closed")
        return connection

    def _token(self) -> str:
        return (self._server.account / "token").read_text(encoding="ascii").strip()

    def _broken(self, error: Exception) -> OSError:
        self._release()
        return ConnectionError(_why(error))

    def _refused(self, answer: http.client.HTTPResponse) -> ApiError:
        wait = answer.headers.get("Retry-After", "")
        try:
            text = answer.read(_PIECE)
        except (http.client.HTTPException, OSError) as error:
            return ApiError(answer.status, _why(error))
        finally:
            if not answer.isclosed():
                self._release()
        return ApiError(answer.status, _message(text), float(wait) if wait.isdecimal() and len(wait) < 4 else 0.0)


def _message(text: bytes) -> str:
    """Of a Status object; else the text's beginning."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    found = document.get("message") if isinstance(document, dict) else None
    return str(found or text.decode("latin-1"))[:300]


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
