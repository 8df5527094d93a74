"""What every contender is given: a fleet's flows, window by window, the same for the same seed.

The number of a flow, which no other flow has, is its `payload_bytes_sent`: what a table holds is told by that column alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.arrays import U8, U32, U64
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, FlowBatch, FlowColumns, HeartbeatColumns
from tests.integration.made_recording import SECOND_US

NUMBER = "payload_bytes_sent"
WINDOW_SECONDS = 10
WORKLOADS = 5_000
PORTS = np.array(
    [53, 80, 443, 1433, 2049, 2379, 3306, 4222, 5432, 5672, 6379, 8080, 8443, 9042, 9090, 9092, 9200, 9300, 11211, 27017], "<u2"
)
EPOCH = 7
INSET_US = 3 * SECOND_US
"""Flows keep so far from their window's ends, where clocks would be a matter."""


@dataclass(frozen=True)
class Fleet:
    """One batch a node and window. `repeated`: the share of batches that are delivered twice. `opening`: flows a batch in window 0,
    which tells of all addresses, where they are to be fewer.
    """

    seed: int
    start_us: int
    nodes: int
    addresses_each: int
    flows_each: int
    repeated: float = 0.05
    opening: int | None = None

    def __post_init__(self) -> None:
        assert self.flows_each <= self.addresses_each * len(PORTS), "two flows of a batch would have one key"

    @property
    def addresses(self) -> int:
        return self.nodes * self.addresses_each

    def deliveries(self, windows: range) -> Iterator[FlowBatch]:
        """The windows in order, each one's nodes in any, and repeats a few batches after what they repeat."""
        chance = np.random.default_rng([self.seed, windows.start, windows.stop])
        batches = self.nodes * len(windows)
        again = set(chance.choice(batches, round(self.repeated * batches), replace=False).tolist())
        late: list[FlowBatch] = []
        for turn, window in enumerate(windows):
            for node in chance.permutation(self.nodes).tolist():
                batch = self.batch(node, window)
                yield batch
                if late and chance.random() < 0.5:
                    yield late.pop()
                if turn * self.nodes + node in again:
                    late.append(batch)
        yield from late

    def batch(self, node: int, window: int) -> FlowBatch:
        names = tuple(sorted({workload(address) for address in self._own(node).tolist()}))
        position = {name: place for place, name in enumerate(names)}
        owner = np.array([position[workload(address)] for address in self._own(node).tolist()], np.uint32)
        window_us = self.start_us + window * WINDOW_SECONDS * SECOND_US
        place = (f"node-{node:05}", EPOCH, window, "", "", window_us, WINDOW_SECONDS, 0, 1, names)
        flows = self._flows(node, window, window_us, owner)
        if window == 0 and self.opening is not None:
            flows = flows.take(np.arange(self.opening))
        return FlowBatch(*place, flows, self._heartbeats(node, window_us, owner))

    def numbers(self, windows: range) -> U64:
        """The numbers of all flows of the windows."""
        batches = np.arange(windows.start * self.nodes, windows.stop * self.nodes)[:, None]
        row = np.arange(self.flows_each)
        known = (batches >= self.nodes) | (row < (self.flows_each if self.opening is None else self.opening))
        return (1 + batches * self.flows_each + row)[known].astype(np.uint64)

    def _own(self, node: int) -> U32:
        return np.arange(node * self.addresses_each, (node + 1) * self.addresses_each, dtype=np.uint32)

    def _flows(self, node: int, window: int, window_us: int, owner: U32) -> FlowColumns:
        chance, rows = np.random.default_rng([self.seed, 1, node, window]), self.flows_each
        row = np.arange(rows)
        slot, step = row % self.addresses_each, row // self.addresses_each
        seen = window_us + INSET_US + np.sort(chance.integers(0, 4 * SECOND_US, (2, rows)), axis=0)
        packets = chance.geometric(0.02, (2, rows)).astype(np.uint64)
        octets = (packets * chance.integers(52, 1_400, (2, rows)).astype(np.uint64)).astype(np.uint64)
        connections = chance.geometric(0.4, rows).astype(np.uint32)
        rare = [chance.binomial(2, share, rows).astype(np.uint32) for share in (0.01, 0.02, 0.05)]
        samples = connections * 2
        rtt = chance.integers(80, 4_000, rows).astype(np.uint32)
        return FlowColumns(
            ipv6(self._own(node)[slot]),
            ipv6(chance.integers(0, self.addresses, rows).astype(np.uint32)),
            PORTS[(step + slot) % len(PORTS)],
            np.full(rows, 6, np.uint8),
            chance.choice(np.array([ROLE_CLIENT, ROLE_SERVER], np.uint8), rows),
            owner[slot],
            seen[0],
            seen[1],
            octets[0],
            octets[1],
            packets[0],
            packets[1],
            (1 + (window * self.nodes + node) * rows + row).astype(np.uint64),
            octets[1] - packets[1] * np.uint64(52),
            connections,
            connections,
            rare[0],
            rare[1],
            rare[2],
            rtt.astype(np.uint64) * samples,
            rtt,
            samples,
            *np.zeros((3, rows), np.uint32),
        )

    def _heartbeats(self, node: int, window_us: int, owner: U32) -> HeartbeatColumns:
        rows = self.addresses_each
        return HeartbeatColumns(
            ipv6(self._own(node)),
            owner,
            np.zeros(rows, np.uint16),
            np.zeros(rows, np.uint8),
            np.full(rows, window_us, np.int64),
            np.full(rows, window_us + WINDOW_SECONDS * SECOND_US, np.int64),
        )


def workload(address: int) -> str:
    """Who has the fleet's address number so and so."""
    return f"service-{address % WORKLOADS:04}"


def ipv6(address: U32) -> U8:
    """10.0.0.0 and so many, as ::ffff:10.a.b.c."""
    found = np.zeros((len(address), 16), np.uint8)
    found[:, 10:12] = 255
    found[:, 12:] = (address + np.uint32(10 << 24)).astype(">u4").view(np.uint8).reshape(-1, 4)
    return found
