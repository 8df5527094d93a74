"""The load of the worker's bench: a fleet made by a seed, as messages of weir.flows, the same on every run.

A thousand nodes hold 200 addresses each. An address belongs to one of 2,000 services; each had another owner before, and one in a
hundred changes hands with every window. In a window an address has ten flows: with three addresses of each of three services, and with
one address of the internet, which nobody speaks for. Half of the ten it opened itself. A flow's round trips lie in two to four buckets,
and so do the times of the connections that it opened. So a node has 2,000 flows a window and 800 pairs of workloads, and the fleet some
8,000 pairs of services. Edges are the same in every window; counters are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8
from schemas.records.flow_batch import (
    FLOW_DTYPES,
    HEARTBEAT_DTYPES,
    ROLE_CLIENT,
    ROLE_SERVER,
    FlowBatch,
    FlowColumns,
    HeartbeatColumns,
    empty_flows,
    empty_heartbeats,
)
from schemas.records.histogram import BOUNDS_US, BUCKETS, Histogram

SECOND_US = 1_000_000
WINDOW_SECONDS = 10
WINDOW_US = WINDOW_SECONDS * SECOND_US
NODES, ADDRESSES_EACH, SERVICES = 1_000, 200, 2_000
EDGES = 10
FLOWS_EACH = ADDRESSES_EACH * EDGES
MOVES_EVERY = 100
REPEATED_EVERY = 20
"""One message in twenty comes once more."""
BEFORE_US = 600 * SECOND_US
PORTS = np.array([80, 443, 5_432, 6_379, 8_080, 9_092], np.uint16)
_TENANTS = SERVICES // ADDRESSES_EACH


@dataclass(frozen=True)
class Fleet:
    """`start_us`: begin of window 0. `windows`: how many there may be; what nodes say that report no flows covers all of them."""

    start_us: int
    windows: int
    seed: int = 1

    def window_us(self, window: int) -> int:
        return self.start_us + window * WINDOW_US

    def introductions(self, reporting: range) -> Iterator[FlowBatch]:
        """A message of every node without flows: who had its addresses until now and, of those that will not report, in all this time."""
        begin, end = self.window_us(0), self.window_us(self.windows)
        for node in range(NODES):
            ip, before, now = _local(node), _service(node, -MOVES_EVERY), _service(node, -1)
            spans = np.full(ADDRESSES_EACH, begin - 2 * BEFORE_US), np.full(ADDRESSES_EACH, begin - BEFORE_US)
            until = begin if node in reporting else end
            held = np.concatenate((spans[0], spans[1])), np.concatenate((spans[1], np.full(ADDRESSES_EACH, until)))
            said = _heartbeats(np.tile(ip, (2, 1)), np.concatenate((before, now)), *held)
            yield self._batch(node, 0 if node in reporting else self.windows - 1, 0, 0, empty_flows(), said)

    def messages(self, nodes: range, windows: range, batch_flows: int) -> Iterator[FlowBatch]:
        """Everything that the nodes send of the windows, in order of time; nodes with odd numbers do not say of how many batches."""
        for window in windows:
            for node in nodes:
                yield from self._window(node, window, batch_flows)

    def last_words(self, nodes: range, window: int) -> Iterator[FlowBatch]:
        """Heartbeats alone: nobody waits for more of the windows before this one."""
        for node in nodes:
            yield self._batch(node, window, 0, 0, empty_flows(), self._said(node, window))

    def _window(self, node: int, window: int, batch_flows: int) -> Iterator[FlowBatch]:
        flows, starts = self._flows(node, window), range(0, FLOWS_EACH, batch_flows)
        for index, first in enumerate(starts):
            some = flows.take(np.arange(first, min(first + batch_flows, FLOWS_EACH)))
            said = self._said(node, window) if index == 0 else empty_heartbeats()
            yield self._batch(node, window, index, len(starts) if node % 2 == 0 else 0, some, said)

    def _said(self, node: int, window: int) -> HeartbeatColumns:
        begin = np.full(ADDRESSES_EACH, self.window_us(window))
        return _heartbeats(_local(node), _service(node, window), begin, begin + WINDOW_US)

    def _batch(self, node: int, window: int, index: int, count: int, flows: FlowColumns, said: HeartbeatColumns) -> FlowBatch:
        """Columns speak of services by their numbers; a message has the names of those that occur in it."""
        used, positions = np.unique(np.concatenate((flows.local_workload, said.workload)), return_inverse=True)
        local, held = np.split(positions.astype(np.uint32), [len(flows)])
        return FlowBatch(
            node_id=f"node-{node}.cluster.internal",
            epoch=1,
            seq=window * FLOWS_EACH + index,
            region="default",
            network="default",
            window_start_us=self.window_us(window),
            window_seconds=WINDOW_SECONDS,
            batch_index=index,
            batch_count=count,
            workloads=tuple(f"service-{number}" for number in used.tolist()),
            zone=f"zone-{node % 3}",
            agent_version="1.0",
            flows=FlowColumns(**{**vars(flows), "local_workload": local}),
            heartbeats=HeartbeatColumns(**{**vars(said), "workload": held}),
        )

    def _flows(self, node: int, window: int) -> FlowColumns:
        chance, rows = np.random.default_rng([self.seed, node, window]), FLOWS_EACH
        slot, edge = np.divmod(np.arange(rows), EDGES)
        opened = edge % 2 == 0
        columns: dict[str, Any] = {name: np.zeros(rows, dtype) for name, dtype in FLOW_DTYPES.items()}
        columns["local_ip"], columns["remote_ip"] = _local(node)[slot], self._remote(node, slot, edge)
        service = _service(node, window)[slot]
        columns["local_workload"] = service
        columns["service_port"] = PORTS[np.where(opened, service + edge // 3, service) % len(PORTS)]
        columns["protocol"][:] = 6
        columns["role"] = np.where(opened, ROLE_CLIENT, ROLE_SERVER).astype(np.uint8)
        span = np.sort(chance.integers(1, WINDOW_US, (2, rows)), axis=0) + self.window_us(window)
        columns["first_seen_us"], columns["last_seen_us"] = span
        connections = chance.geometric(0.3, rows)
        for side, packets in (("sent", connections * chance.geometric(0.1, rows)), ("received", connections * chance.geometric(0.1, rows))):
            payload = (packets * chance.lognormal(5.5, 1.0, rows)).astype(np.uint64)
            columns[f"packets_{side}"] = packets.astype(np.uint64)
            columns[f"payload_bytes_{side}"] = payload
            columns[f"bytes_{side}"] = payload + np.uint64(52) * packets.astype(np.uint64)
        columns["connections_opened"] = columns["connections_closed"] = connections.astype(np.uint32)
        columns["connections_failed"] = (chance.random(rows) < 0.01).astype(np.uint32)
        columns["connections_reset"] = (chance.random(rows) < 0.02).astype(np.uint32)
        columns["retransmits"] = (chance.random(rows) < 0.05).astype(np.uint32) * chance.geometric(0.5, rows).astype(np.uint32)
        rtt = chance.lognormal(6.0, 0.5, rows)
        columns["rtt_count"] = connections.astype(np.uint32)
        columns["rtt_us_sum"], columns["rtt_us_max"] = (connections * rtt).astype(np.uint64), (rtt * 1.5).astype(np.uint32)
        columns["rtt"] = _sampled(chance, connections, rtt)
        columns["connect"] = _sampled(chance, np.where(opened, connections, 0), rtt * 1.2)
        return FlowColumns(**columns)

    def _remote(self, node: int, slot: I64, edge: I64) -> U8:
        """Three neighbours of each of three services, and one address of the internet."""
        place = (slot + 37 * (1 + edge // 3)) % ADDRESSES_EACH
        other = (node + _TENANTS * (1 + (slot * 7 + edge * 31) % 97)) % NODES
        inside = _bytes(other * ADDRESSES_EACH + place)
        far = np.random.default_rng([self.seed, node]).integers(0x08000000, 0x09000000, len(slot))
        return np.where((edge == EDGES - 1)[:, None], _bytes(far, 0), inside)


def _service(node: int, window: int) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The service at each address of the node: nodes of one residue of ten run the same services, so that each has a hundred addresses."""
    slot = np.arange(ADDRESSES_EACH)
    moves = (window + slot * MOVES_EVERY // ADDRESSES_EACH) // MOVES_EVERY
    service: np.ndarray[tuple[int], np.dtype[np.uint32]] = (((node % _TENANTS) * ADDRESSES_EACH + slot + moves * 13) % SERVICES).astype(
        np.uint32
    )
    return service


def _sampled(chance: np.random.Generator, samples: I64, typical_us: NDArray[np.float64]) -> Histogram:
    """So many samples a flow around what is typical for it: three in four within half of it and twice as much."""
    row = np.repeat(np.arange(len(samples)), samples)
    value = typical_us[row] * chance.lognormal(0.0, 0.6, len(row))
    bucket = np.searchsorted(np.array(BOUNDS_US), value, "right") - 1
    place, count = np.unique(row * BUCKETS + bucket, return_counts=True)
    return Histogram((place // BUCKETS).astype(np.uint32), (place % BUCKETS).astype(np.uint8), count.astype(np.uint32))


def _samples(chance: np.random.Generator, rows: I64, times_us: NDArray[np.float64]) -> Histogram:
    """Of these rows: samples in two to four buckets around a time."""
    lowest = np.searchsorted(BOUNDS_US, times_us, "right") - 2
    sizes = chance.integers(2, 5, len(rows))
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bucket = np.clip(np.repeat(lowest, sizes), 0, BUCKETS - 4) + within
    return Histogram(
        np.repeat(rows, sizes).astype(np.uint32), bucket.astype(np.uint8), chance.geometric(0.4, len(bucket)).astype(np.uint32)
    )


def _local(node: int) -> U8:
    return _bytes(node * ADDRESSES_EACH + np.arange(ADDRESSES_EACH))


def _bytes(number: I64, base: int = 0x0A000000) -> U8:
    """(n, 16): IPv4 addresses as ::ffff:a.b.c.d."""
    ip = np.zeros((len(number), 16), np.uint8)
    ip[:, 10:12] = 0xFF
    ip[:, 12:] = (number + base).astype(">u4").view(np.uint8).reshape(-1, 4)
    return ip


def _heartbeats(ip: U8, workload: np.ndarray[tuple[int], np.dtype[np.uint32]], start_us: I64, end_us: I64) -> HeartbeatColumns:
    columns = {name: np.zeros(len(ip), dtype) for name, dtype in HEARTBEAT_DTYPES.items()}
    columns |= {"ip": ip, "workload": workload, "start_us": start_us.astype(np.int64), "end_us": end_us.astype(np.int64)}
    return HeartbeatColumns(**columns)
