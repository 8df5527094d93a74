"""What is sent, and the ledger of it: a fleet made by a seed, window by window, whose every figure is known beforehand.

Each node holds twenty addresses, of which every fourth changes hands every five windows, on a fifth of the nodes in each: whatever strikes,
strikes while some nodes' holdings change. Most nodes cut their windows as agents do, and say of how many batches they consist; every second
one, or fewer, sends as recordings do, and cuts a repeat elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from schemas.addresses import parse_addresses
from schemas.arrays import U8
from schemas.records.flow_batch import (
    ROLE_CLIENT,
    ROLE_SERVER,
    FlowBatch,
    FlowColumns,
    HeartbeatColumns,
    Loss,
    empty_flows,
    empty_heartbeats,
)
from tests.integration.made_recording import SECOND_US

WINDOW_SECONDS = 10
ADDRESSES = 20
MOVES_EVERY = 5
FIRST_PORT = 1_024
INSET_US = 3 * SECOND_US
Place = tuple[int, str]
"""A window's begin in seconds, and a node."""
Counts = tuple[int, ...]
SUMMED = ("bytes_sent", "bytes_received", "packets_sent", "connections_opened")
"""What the ledger adds up, next to the number of flows."""


@dataclass(frozen=True)
class Shape:
    """`start_us`: the first window's begin. `flows_each`: flows a node and window. `recorded`: one node in so many sends as recordings
    do: its flows are remembered one by one, so that a worker begins with reading all of them.
    """

    seed: int
    start_us: int
    nodes: int = 20
    flows_each: int = 200
    batch_flows: int = 60
    recorded: int = 2

    def window_us(self, window: int) -> int:
        return self.start_us + window * WINDOW_SECONDS * SECOND_US

    @property
    def flows_a_window(self) -> int:
        return self.nodes * self.flows_each

    def batches(self, node: int, window: int, batch_flows: int = 0) -> Iterator[FlowBatch]:
        """All that the node sends of the window; a `batch_flows` of its own cuts only where windows are of unknown size."""
        known = self.knows_its_batches(node)
        size = self.batch_flows if known or not batch_flows else batch_flows
        flows, starts = self._flows(node, window), range(0, self.flows_each, size)
        for index, first in enumerate(starts):
            yield FlowBatch(
                f"n{node}",
                1,
                window * 1_000 + index,
                "",
                "",
                self.window_us(window),
                WINDOW_SECONDS,
                index,
                len(starts) if known else 0,
                tuple(workload(node, slot, window) for slot in range(ADDRESSES)),
                flows.take(np.arange(first, min(first + size, self.flows_each))),
                self._heartbeats(node, window) if index == 0 else empty_heartbeats(),
                (self.loss(node, window),) if index == 0 else (),
            )

    def knows_its_batches(self, node: int) -> bool:
        return node % self.recorded != self.recorded - 1

    def loss(self, node: int, window: int) -> Loss:
        return Loss(self.window_us(window), "agent", "map_full", 1, 3 + node, 97 * (1 + window))

    def last_word(self, node: int, window: int) -> FlowBatch:
        """An empty window: nobody waits for more of the windows before it."""
        place = (self.window_us(window), WINDOW_SECONDS, 0, 1 if self.knows_its_batches(node) else 0)
        return FlowBatch(f"n{node}", 1, window * 1_000, "", "", *place, (), empty_flows(), empty_heartbeats())

    def _heartbeats(self, node: int, window: int) -> HeartbeatColumns:
        begin, rows = self.window_us(window), ADDRESSES
        return HeartbeatColumns(
            _addresses(node),
            np.arange(rows, dtype=np.uint32),
            np.zeros(rows, np.uint16),
            np.zeros(rows, np.uint8),
            np.full(rows, begin, np.int64),
            np.full(rows, begin + WINDOW_SECONDS * SECOND_US, np.int64),
        )

    def _flows(self, node: int, window: int) -> FlowColumns:
        """No two keys are equal: an address and a port make each."""
        chance, rows = np.random.default_rng([self.seed, node, window]), self.flows_each
        number = np.arange(rows)
        other = (node + 1 + chance.integers(0, self.nodes - 1, rows)) % self.nodes
        seen = self.window_us(window) + INSET_US + np.sort(chance.integers(0, 4 * SECOND_US, (2, rows)), axis=0)
        wide = {name: chance.integers(1, 2**31, rows).astype(np.uint64) for name in ("sent", "received", "payload", "rtt")}
        packets = chance.integers(1, 2**16, (2, rows)).astype(np.uint64)
        narrow = chance.integers(0, 100, (9, rows)).astype(np.uint32)
        return FlowColumns(
            _addresses(node)[number % ADDRESSES],
            _everybody(self.nodes)[other * ADDRESSES + chance.integers(0, ADDRESSES, rows)],
            (FIRST_PORT + number // ADDRESSES).astype(np.uint16),
            np.full(rows, 6, np.uint8),
            chance.choice(np.array([ROLE_CLIENT, ROLE_SERVER], np.uint8), rows),
            (number % ADDRESSES).astype(np.uint32),
            seen[0],
            seen[1],
            wide["sent"],
            wide["received"],
            packets[0],
            packets[1],
            wide["payload"],
            wide["payload"],
            narrow[0],
            narrow[1],
            narrow[2],
            narrow[3],
            narrow[4],
            wide["rtt"],
            narrow[5],
            narrow[6],
            narrow[7],
            narrow[8],
            np.zeros(rows, np.uint32),
        )


@dataclass
class Ledger:
    """By window begin (seconds) and node: flows and `SUMMED`, and losses in flows, packets and bytes."""

    shape: Shape
    flows: dict[Place, Counts] = field(default_factory=dict)
    losses: dict[Place, Counts] = field(default_factory=dict)

    def note(self, batches: list[FlowBatch]) -> None:
        """One window of one node, whole, as it is sent for the first time."""
        place = batches[0].window_start_us // SECOND_US, batches[0].node_id
        sums = (sum(int(getattr(batch.flows, name).sum()) for batch in batches) for name in SUMMED)
        self.flows[place] = (sum(len(batch.flows) for batch in batches), *sums)
        lost = [loss for batch in batches for loss in batch.losses]
        self.losses[place] = (sum(one.flows for one in lost), sum(one.packets for one in lost), sum(one.bytes for one in lost))

    @property
    def sent(self) -> int:
        return sum(counts[0] for counts in self.flows.values())

    def by(self, seconds: int) -> dict[Place, Counts]:
        """The same in windows of so many seconds."""
        found: dict[Place, Counts] = {}
        for (begin, node), counts in self.flows.items():
            place = begin // seconds * seconds, node
            found[place] = tuple(map(sum, zip(counts, found.get(place, (0,) * len(counts)), strict=True)))
        return found


def workload(node: int, slot: int, window: int) -> str:
    """Who holds the node's address `slot` in that window."""
    return f"w-{node}-{slot}-{(window + node) // MOVES_EVERY if slot % 4 == 0 else 0}"


@cache
def _addresses(node: int) -> U8:
    return parse_addresses(f"10.0.{node}.{slot}" for slot in range(ADDRESSES))


@cache
def _everybody(nodes: int) -> U8:
    return np.concatenate([_addresses(node) for node in range(nodes)])
