"""An API server over loopback: objects that a test puts, lists in pages, watches that go on, and all the ways in which they fail."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs, urlsplit

from producers.kubernetes.transport import ApiError

WAIT_SECONDS = 20.0
Object = dict[str, Any]


@dataclass(frozen=True)
class Request:
    path: str
    query: Mapping[str, str]
    accept: str
    token: str

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in ("1", "true")


@dataclass
class _Collection:
    objects: dict[str, Object] = field(default_factory=dict)
    history: list[tuple[int, str, Object]] = field(default_factory=list)
    oldest: int = 0


class FakeApi:
    """`with FakeApi() as api`. All methods are the test's; they return once open watches have been given what they cause to be told.

    Collections are known by the path that lists them all (/api/v1/pods); an object is had at its own path, too
    (/api/v1/namespaces/shop/pods/web-1). `tls`: serve https.
    """

    def __init__(self, tls: SSLContext | None = None) -> None:
        self._tls = tls
        self._changed = threading.Condition()
        self._collections: dict[str, _Collection] = {}
        self._version = 100
        self._refusals: dict[str, tuple[int, str]] = {}
        self._hanging: set[str] = set()
        self._generation = 0
        self._ended = 0
        self._open: dict[socket.socket, str] = {}
        self._links: set[socket.socket] = set()
        self.requests: list[Request] = []
        self.retry_after = ""
        """Header of refusals, where it is set."""
        self._server: _Server | None = None
        self.port = 0
        self.back()

    def __enter__(self) -> FakeApi:
        return self

    def __exit__(self, *exception: object) -> None:
        self.away()

    # The server as a whole.

    def away(self) -> None:
        """Nobody listens any more; every connection is cut."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        self.cut()

    def back(self) -> None:
        """Listens again, on the same port, with the same objects."""
        self._server = _Server(("127.0.0.1", self.port), self, self._tls)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def cut(self) -> None:
        """Breaks every open connection in the midst of whatever it was doing."""
        with self._changed:
            self._generation += 1
            for link in list(self._links):
                with suppress(OSError):
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    link.shutdown(socket.SHUT_RDWR)
            self._changed.notify_all()

    def end_watches(self) -> None:
        """As the server does after timeoutSeconds."""
        with self._changed:
            self._ended += 1
            self._changed.notify_all()

    def refuse(self, path: str, status: int = 403, message: str = "forbidden") -> None:
        """Every request below `path` is answered so; `allow` ends it."""
        with self._changed:
            self._refusals[path] = (status, message)

    def allow(self, path: str) -> None:
        with self._changed:
            del self._refusals[path]

    def hang(self, path: str) -> None:
        """Requests below `path` are taken and never answered, until `cut`."""
        with self._changed:
            self._hanging.add(path)

    def unhang(self, path: str) -> None:
        with self._changed:
            self._hanging.discard(path)

    # Objects.

    def put(self, path: str, raw: Object) -> Object:
        """Adds or modifies; the answer has the version that it was given."""
        with self._changed:
            collection = self._collections.setdefault(path, _Collection())
            raw = deepcopy(raw)
            key = _key(raw)
            raw["metadata"]["resourceVersion"] = str(self._next())
            self._tell(collection, "MODIFIED" if key in collection.objects else "ADDED", raw)
            collection.objects[key] = raw
            return raw

    def remove(self, path: str, namespace: str, name: str) -> None:
        with self._changed:
            collection = self._collections[path]
            raw = deepcopy(collection.objects.pop(f"{namespace}/{name}"))
            raw["metadata"]["resourceVersion"] = str(self._next())
            self._tell(collection, "DELETED", raw)

    def bookmark(self, path: str) -> None:
        with self._changed:
            collection = self._collections.setdefault(path, _Collection())
            self._tell(collection, "BOOKMARK", {"metadata": {"resourceVersion": str(self._next())}})

    def tell(self, path: str, event: Object) -> None:
        """An event as it stands, in every watch."""
        with self._changed:
            self._next()
            self._tell(self._collections.setdefault(path, _Collection()), "", {"event": event})

    def compact(self, path: str) -> None:
        """Versions up to now are too old: watches from them, and pages after them, are refused with 410."""
        with self._changed:
            self._collections.setdefault(path, _Collection()).oldest = self._next()

    # What was asked.

    def count(self, path: str, *, watches: bool = False) -> int:
        with self._changed:
            return sum(request.path == path and request.watches == watches for request in self.requests)

    def wait_for(self, path: str, count: int = 1, *, watches: bool = False) -> None:
        """Until `count` such requests have come, since the start."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: sum(request.path == path and request.watches == watches for request in self.requests) >= count, WAIT_SECONDS
            )
        assert done, f"{path} was asked {self.count(path, watches=watches)} times, not {count}"

    def wait_for_watch(self, path: str) -> None:
        """Until a watch of `path` is open."""
        with self._changed:
            assert self._changed.wait_for(lambda: path in self._open.values(), WAIT_SECONDS), f"{path} is not watched"

    # Inside.

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _tell(self, collection: _Collection, kind: str, raw: Object) -> None:
        collection.history.append((self._version, kind, raw))
        self._changed.notify_all()

    def answer(self, handler: _Handler) -> None:
        """One request, in its own thread."""
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        request = Request(parts.path, query, handler.headers.get("Accept", ""), token)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            generation = self._generation
            refusal = next((answer for path, answer in self._refusals.items() if parts.path.startswith(path)), None)
            if any(parts.path.startswith(path) for path in self._hanging):
                self._changed.wait_for(lambda: self._generation != generation)
                raise ConnectionError
        if refusal is not None:
            status, message = refusal
            return handler.reply(status, {"kind": "Status", "code": status, "message": message}, self.retry_after)
        collection = self._collections.get(parts.path)
        if collection is None and (parts.path in ("/api/v1/pods",) or parts.path.count("/") == 3):
            collection = self._collections.setdefault(parts.path, _Collection())
        if collection is None:
            return self._object(handler, request)
        if request.watches:
            return self._watch(handler, request, collection, generation)
        return self._list(handler, request, collection)

    def _object(self, handler: _Handler, request: Request) -> None:
        head, _, name = request.path.rpartition("/")
        parent, _, kind = head.rpartition("/")
        prefix, _, namespace = parent.rpartition("/namespaces/")
        place, key = (f"{prefix}/{kind}", f"{namespace}/{name}") if prefix else (head, f"/{name}")
        with self._changed:
            collection = self._collections.get(place)
            found = collection.objects.get(key) if collection else None
        if found is None:
            return handler.reply(404, {"kind": "Status", "code": 404, "message": f"{name} not found"})
        handler.reply(200, _shown(found, request))

    def _list(self, handler: _Handler, request: Request, collection: _Collection) -> None:
        if "as=PartialObjectMetadata;" in request.accept:
            return handler.reply(406, {"kind": "Status", "code": 406, "message": "the requested object is a list"})
        with self._changed:
            begin, version = 0, self._version
            if token := request.query.get("continue"):
                begin, version = (int(part) for part in token.split("."))
                if version <= collection.oldest:
                    return handler.reply(410, {"kind": "Status", "code": 410, "message": "The provided continue parameter is too old"})
            chosen = [raw for _, raw in sorted(collection.objects.items()) if _selected(raw, request)]
        limit = int(request.query.get("limit", "0")) or len(chosen) or 1
        page = [_shown(raw, request) for raw in chosen[begin : begin + limit]]
        metadata = {"resourceVersion": str(version)}
        if begin + limit < len(chosen):
            metadata["continue"] = f"{begin + limit}.{version}"
        handler.reply(200, {"kind": "List", "metadata": metadata, "items": page})

    def _watch(self, handler: _Handler, request: Request, collection: _Collection, generation: int) -> None:
        since = int(request.query.get("resourceVersion") or self._version)
        position = 0
        handler.begin()
        with self._changed:
            ended = self._ended
            self._open[handler.connection] = request.path
            self._changed.notify_all()
        try:
            if since < collection.oldest:
                gone = {"kind": "Status", "code": 410, "message": f"too old resource version: {since}"}
                return handler.line({"type": "ERROR", "object": gone})
            until = time.monotonic() + int(request.query.get("timeoutSeconds", "1800"))
            while True:
                with self._changed:
                    before = (position, generation, ended)
                    while (len(collection.history), self._generation, self._ended) == before and time.monotonic() < until:
                        self._changed.wait(until - time.monotonic())
                    told, position = collection.history[position:], len(collection.history)
                    over = self._ended != ended or time.monotonic() >= until
                if self._generation != generation:
                    raise ConnectionError
                for version, kind, raw in told:
                    if version > since and (event := _event(kind, raw, request)):
                        handler.line(event)
                if over:
                    return
        finally:
            with self._changed:
                del self._open[handler.connection]


def _key(raw: Object) -> str:
    return f"{raw['metadata'].get('namespace', '')}/{raw['metadata']['name']}"


def _selected(raw: Object, request: Request) -> bool:
    name, _, value = request.query.get("fieldSelector", "").partition("=")
    found: Any = raw
    for part in name.split(".") if name else ():
        found = found.get(part, {})
    return not name or found == value


def _shown(raw: Object, request: Request) -> Object:
    if "PartialObjectMetadata" not in request.accept:
        return raw
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": raw["metadata"]}


def _event(kind: str, raw: Object, request: Request) -> Object | None:
    if not kind:
        event: Object = raw["event"]
        return event
    if kind == "BOOKMARK":
        return {"type": kind, "object": raw}
    return {"type": kind, "object": _shown(raw, request)} if _selected(raw, request) else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], api: FakeApi, tls: SSLContext | None) -> None:
        self.api = api
        self._tls = tls
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread."""
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        self.api._links.add(request)
        try:
            self.RequestHandlerClass(request, client_address, self)
        finally:
            self.api._links.discard(request)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut is what the test wanted."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._chunked = False
        self.server.api.answer(self)
        if self._chunked:
            self.wfile.write(b"0\r\n\r\n")

    def reply(self, status: int, document: Object, retry_after: str = "") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunked = True

    def line(self, document: Object) -> None:
        """In two chunks: a line and a chunk are not the same."""
        text = json.dumps(document).encode() + b"\n"
        for part in (text[:7], text[7:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class PlainTransport:
    """The smallest client for a FakeApi without TLS."""

    def __init__(self, api: FakeApi) -> None:
        self._api = api
        self._link: socket.socket | None = None
        self._closed = False

    def get(self, path_and_query: str, accept: str) -> bytes:
        with self._asked(path_and_query, accept) as answer:
            return answer.read()

    def stream(self, path_and_query: str, accept: str) -> Iterator[bytes]:
        opened = self._asked(path_and_query, accept)
        return self._lines(opened, opened.__enter__())

    def close(self) -> None:
        self._closed = True
        if self._link is not None:
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)

    def _lines(self, opened: AbstractContextManager[Any], answer: http.client.HTTPResponse) -> Iterator[bytes]:
        rest = b""
        try:
            while piece := answer.read1(65_536):  # its readline takes a torn answer for one that ended
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            opened.__exit__(None, None, None)

    @contextmanager
    def _asked(self, path_and_query: str, accept: str) -> Iterator[http.client.HTTPResponse]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._api.port, timeout=WAIT_SECONDS)) as connection:
            try:
                connection.connect()
                self._link = connection.sock
                if self._closed:
                    raise ConnectionError("closed")
                connection.request("GET", path_and_query, headers={"Accept": accept})
                with connection.getresponse() as answer:
                    if answer.status != 200:
                        text = json.loads(answer.read()).get("message", "")
                        raise ApiError(answer.status, text, float(answer.headers.get("Retry-After", 0)))
                    yield answer
            except http.client.HTTPException as error:
                raise ConnectionError(str(error)) from error
