"""Where the shop's pods say what they sent, and where they are told to call or to pause."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from tests.support.processes import wait_for


@dataclass(frozen=True, slots=True)
class Sums:
    """What the callers of one edge say: payload bytes, answered requests, and calls that failed."""

    sent: int = 0
    received: int = 0
    requests: int = 0
    failed: int = 0

    def __add__(self, other: Sums) -> Sums:
        parts = zip(self._tuple(), other._tuple(), strict=True)
        return Sums(*(one + another for one, another in parts))

    def __sub__(self, other: Sums) -> Sums:
        parts = zip(self._tuple(), other._tuple(), strict=True)
        return Sums(*(one - another for one, another in parts))

    def _tuple(self) -> tuple[int, int, int, int]:
        return self.sent, self.received, self.requests, self.failed


@dataclass(frozen=True, slots=True)
class Edge:
    caller: str
    """The workload's name, which the pod was given."""
    name: str
    """Of the way: cluster-ip, headless, ..."""


@dataclass(slots=True)
class _Pod:
    connection: socket.socket
    edges: Mapping[Edge, Sums]
    quiet: bool
    last: bool
    connected: bool = True


class Collector:
    """A server on `host`, with one connection a pod; pods that ended stay in the sums."""

    def __init__(self, host: str) -> None:
        self._server = socket.create_server((host, 0))
        self._pods: dict[str, _Pod] = {}
        self._order: dict[str, object] = {"paused": True, "addresses": {}}
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._server.getsockname()[:2]
        return f"{host}:{port}"

    def call(self, edge: str, addresses: list[str]) -> None:
        """The addresses that an edge without a Service's address goes to."""
        self._tell({"addresses": {edge: addresses}})

    def go(self) -> None:
        self._tell({"paused": False})

    def pause(self, seconds: float = 30) -> None:
        """Returns when no pod calls any more and all have said so."""
        self._tell({"paused": True})
        wait_for(self._all_quiet, seconds, "the shop's pods to be quiet")

    def sums(self) -> dict[Edge, Sums]:
        """Of all pods that ever were, by edge."""
        total: dict[Edge, Sums] = defaultdict(Sums)
        with self._lock:
            for pod in self._pods.values():
                for edge, sums in pod.edges.items():
                    total[edge] += sums
        return dict(total)

    def said_farewell(self) -> set[str]:
        """Pods that ended as they should, having told everything."""
        with self._lock:
            return {name for name, pod in self._pods.items() if pod.last}

    def vanished(self) -> set[str]:
        """Pods whose connection ended and who had not told everything: what they sent is not known."""
        with self._lock:
            return {name for name, pod in self._pods.items() if not pod.connected and not pod.last}

    def _all_quiet(self) -> bool:
        with self._lock:
            return all(pod.quiet for pod in self._pods.values() if pod.connected)

    def _tell(self, change: Mapping[str, object]) -> None:
        with self._lock:
            for name, value in change.items():
                known = self._order[name]
                self._order[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
            for pod in self._pods.values():
                pod.quiet = pod.last
            for connection in self._connections:
                self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        try:
            connection.sendall(json.dumps(self._order).encode() + b"\n")
        except OSError:
            pass  # the pod is gone, or comes again

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.append(connection)
            self._send(connection)
        name = ""
        try:
            with connection, connection.makefile() as lines:
                for line in lines:
                    name = self._heard(connection, json.loads(line))
        except (OSError, ValueError):
            pass
        with self._lock:
            self._connections.remove(connection)
            if name and self._pods[name].connection is connection:
                self._pods[name].connected = False

    def _heard(self, connection: socket.socket, said: dict[str, object]) -> str:
        name, workload = str(said["pod"]), str(said["workload"])
        edges = said["edges"]
        assert isinstance(edges, dict)
        sums = {Edge(workload, edge): Sums(**counted) for edge, counted in edges.items()}
        with self._lock:
            self._pods[name] = _Pod(connection, sums, bool(said["quiet"]), bool(said["last"]))
        return name

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
