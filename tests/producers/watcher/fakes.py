"""Stand-ins for Kafka and for the Lease of an API server; and the client for the stand-in of the rest of it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration

from producers.kubernetes.transport import ApiError
from producers.publish.publisher import OnAck
from producers.watcher.client import client_of
from producers.watcher.leader import CONFLICT, Lease
from schemas.records.cluster import ClusterRecord, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState
from schemas.wire.cluster_codec import decode_cluster_record
from schemas.wire.framing import unframe
from tests.producers.kubernetes.fake_api import FakeApi


def client_to(api: FakeApi) -> ApiClient:
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{api.port}"
    return client_of(configuration)


Offered = tuple[str, bytes, bytes]


class FakeOutlet:
    """Kafka with its client: `log` is the topic. `away`: nothing is acknowledged. `room`: what the client holds at most."""

    def __init__(self, room: int = 10_000) -> None:
        self.log: list[Offered] = []
        self.away = False
        self.refuses = ""
        self.room = room
        self._held: deque[tuple[Offered, OnAck | None]] = deque()
        self.grown = threading.Condition()

    def offer(self, topic: str, key: bytes, value: bytes, on_ack: OnAck | None = None) -> bool:
        if len(self._held) >= self.room:
            return False
        self._held.append(((topic, key, value), on_ack))
        return True

    @property
    def queued(self) -> int:
        return len(self._held)

    def poll(self, timeout: float) -> int:
        done = 0
        while self._held and not self.away:
            offered, on_ack = self._held.popleft()
            done += 1
            if not self.refuses:
                with self.grown:
                    self.log.append(offered)
                    self.grown.notify_all()
            if on_ack is not None:
                on_ack(self.refuses or None)
        return done

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return len(self._held)

    def records(self) -> list[ClusterRecord]:
        found = []
        for topic, _, value in self.log:
            assert topic == "weir.ip-events"
            framed = unframe(value)
            found.append(decode_cluster_record(framed.name, framed.body, framed.writer))
        return found

    def addresses(self) -> list[ServiceAddress]:
        return [record for record in self.records() if isinstance(record, ServiceAddress)]

    def watermarks(self) -> list[WatcherWatermark]:
        return [record for record in self.records() if isinstance(record, WatcherWatermark)]

    def workloads(self) -> list[WorkloadState]:
        return [record for record in self.records() if isinstance(record, WorkloadState)]

    def nodes(self) -> list[NodeLabels]:
        return [record for record in self.records() if isinstance(record, NodeLabels)]


class FakeLeases:
    """A Lease that any number of candidates share. `away`: no server answers."""

    def __init__(self) -> None:
        self.lease = Lease()
        self.away = False
        self._lock = threading.Lock()

    def read(self) -> Lease:
        if self.away:
            raise ConnectionError("away")
        return self.lease

    def write(self, lease: Lease) -> Lease:
        if self.away:
            raise ConnectionError("away")
        with self._lock:
            if lease.version != self.lease.version:
                raise ApiError(CONFLICT, "another has written")
            self.lease = replace(lease, version=str(int(lease.version or 0) + 1))
            return self.lease
