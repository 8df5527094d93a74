"""The load of the bench of knowledge: a fleet's heartbeats, window by window, as messages of weir.flows, and who truly held what.

Every address is held by one workload on one node. In a window in which it changes hands the old holder's node claims it until between 2
and 3 seconds after the window's begin, the new one's from 1.5 s later: in between it is nobody's. Half of those that change hands go to
another node. The same seed makes the same fleet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U8
from schemas.records.flow_batch import FLOW_DTYPES, ROLE_CLIENT, FlowBatch, FlowColumns, HeartbeatColumns, empty_flows

SECOND_US = 1_000_000
WINDOW_SECONDS = 10
WINDOW_US = WINDOW_SECONDS * SECOND_US
SERVICES = 2_000
BATCH_HEARTBEATS = 1_000
"""An agent puts no more into a batch."""
NOBODY = -1
NETWORK = "default"
_SILENCE_US = 1_500_000
_FLOWS_FROM_US, _FLOWS_UNTIL_US = 5 * SECOND_US, 9 * SECOND_US
"""Flows lie behind a window's changes: their local ends are the new holders'."""


@dataclass(frozen=True)
class FleetShape:
    """`churn`: share of the addresses that change hands in each window but the first. `flows`: in each batch."""

    addresses: int
    nodes: int
    churn: float = 0.0
    flows: int = 0
    seed: int = 1


@dataclass(frozen=True)
class Claims:
    """What all nodes claim in one window, in the order of node, address and time."""

    node: I64
    address: I64
    service: I64
    start_us: I64
    end_us: I64


class Fleet:
    """`start_us`: begin of window 0, on a border of windows. `windows`: how many have been made."""

    def __init__(self, shape: FleetShape, start_us: int) -> None:
        self.shape = shape
        self.start_us = start_us
        self.changed: list[NDArray[np.bool_]] = []
        self._chance = np.random.default_rng(shape.seed)
        self._node: I64 = np.arange(shape.addresses) * shape.nodes // shape.addresses
        self._services: list[I64] = []

    @property
    def windows(self) -> int:
        return len(self._services)

    def window_us(self, window: int) -> int:
        return self.start_us + window * WINDOW_US

    def next_window(self, churn: float | None = None) -> Iterator[FlowBatch]:
        """What the nodes send of one more window. `churn`: other than the shape's."""
        claims = self._claims(self.shape.churn if churn is None else churn)
        bounds = np.searchsorted(claims.node, np.arange(self.shape.nodes + 1))
        return self._batches(claims, bounds, self.windows - 1)

    def holders(self, address: I64, window: I64, first_us: I64, last_us: I64) -> I64:
        """Who held the address from the first instant to the last, both in the window; NOBODY where it was no one service throughout."""
        held = np.full(len(address), NOBODY, np.int64)
        for number in np.unique(window).tolist():
            rows = np.flatnonzero(window == number)
            some, now = address[rows], self._services[number]
            end_us, start_us = self._change_us(some, number)
            changed = self.changed[number][some]
            held[rows] = np.where(~changed | (first_us[rows] >= start_us), now[some], NOBODY)
            before = changed & (last_us[rows] < end_us)
            held[rows[before]] = self._services[max(0, number - 1)][some[before]]
        return held

    def _claims(self, churn: float) -> Claims:
        """Of one more window."""
        count, window = self.shape.addresses, self.windows
        begin_us, everything = self.window_us(window), np.arange(count)
        if not window:
            self._services.append(self._chance.integers(0, SERVICES, count))
            self.changed.append(np.zeros(count, np.bool_))
            return _ordered(self._node, everything, self._services[0], np.full(count, begin_us), np.full(count, begin_us + WINDOW_US))
        before, node_before = self._services[-1], self._node
        some = np.sort(self._chance.choice(count, round(count * churn), replace=False)).astype(np.int64)
        self._change(some)
        end_us, start_us = self._change_us(some, window)
        starts = np.full(count, begin_us)
        starts[some] = start_us
        return _ordered(
            np.concatenate((self._node, node_before[some])),
            np.concatenate((everything, some)),
            np.concatenate((self._services[-1], before[some])),
            np.concatenate((starts, np.full(len(some), begin_us))),
            np.concatenate((np.full(count, begin_us + WINDOW_US), end_us)),
        )

    def _change(self, some: I64) -> None:
        """Other holders, and for every other one another node."""
        services, node, changed = self._services[-1].copy(), self._node.copy(), np.zeros(self.shape.addresses, np.bool_)
        services[some] = (services[some] + self._chance.integers(1, SERVICES, len(some))) % SERVICES
        if self.shape.nodes > 1:
            moving = some[::2]
            node[moving] = (node[moving] + self._chance.integers(1, self.shape.nodes, len(moving))) % self.shape.nodes
        changed[some] = True
        self._services.append(services)
        self._node = node
        self.changed.append(changed)

    def _change_us(self, address: I64, window: int) -> tuple[I64, I64]:
        """Where the address changes hands in the window: the old holder's end, the new one's begin."""
        end_us: I64 = self.window_us(window) + 2 * SECOND_US + address * 7_919 % SECOND_US
        return end_us, end_us + _SILENCE_US

    def _batches(self, claims: Claims, bounds: NDArray[np.intp], window: int) -> Iterator[FlowBatch]:
        for node in range(self.shape.nodes):
            begin, end = int(bounds[node]), int(bounds[node + 1])
            starts = range(begin, max(end, begin + 1), BATCH_HEARTBEATS)
            for index, first in enumerate(starts):
                rows = slice(first, min(first + BATCH_HEARTBEATS, end))
                yield self._batch(claims, rows, node, window, (index, len(starts)))

    def _batch(self, claims: Claims, rows: slice, node: int, window: int, place: tuple[int, int]) -> FlowBatch:
        used, workload = np.unique(claims.service[rows], return_inverse=True)
        count = len(workload)
        beats = HeartbeatColumns(
            ip=address_bytes(claims.address[rows]),
            workload=workload.astype(np.uint32),
            port=np.zeros(count, np.uint16),
            protocol=np.zeros(count, np.uint8),
            start_us=claims.start_us[rows],
            end_us=claims.end_us[rows],
        )
        return FlowBatch(
            node_id=f"node-{node}.cluster.internal",
            epoch=1,
            seq=window * BATCH_HEARTBEATS + place[0],
            region="default",
            network=NETWORK,
            window_start_us=self.window_us(window),
            window_seconds=WINDOW_SECONDS,
            batch_index=place[0],
            batch_count=place[1],
            workloads=tuple(service_name(number) for number in used.tolist()),
            flows=self._flows(beats, window),
            heartbeats=beats,
        )

    def _flows(self, beats: HeartbeatColumns, window: int) -> FlowColumns:
        holding = np.flatnonzero(beats.end_us == self.window_us(window + 1))
        rows = self.shape.flows if len(holding) else 0
        if not rows:
            return empty_flows()
        columns: dict[str, Any] = {name: np.ones(rows, dtype) for name, dtype in FLOW_DTYPES.items()}
        columns["remote_domain"][:] = 0
        local = holding[np.arange(rows) % len(holding)]
        columns["local_ip"], columns["local_workload"] = beats.ip[local], beats.workload[local]
        columns["remote_ip"] = address_bytes((np.arange(rows) * 7_919 + window) % self.shape.addresses)
        columns["service_port"] = (1_024 + np.arange(rows) % 60_000).astype(np.uint16)
        columns["protocol"][:], columns["role"][:] = 6, ROLE_CLIENT
        columns["first_seen_us"][:] = self.window_us(window) + _FLOWS_FROM_US
        columns["last_seen_us"][:] = self.window_us(window) + _FLOWS_UNTIL_US
        return FlowColumns(**columns)


def service_name(number: int) -> str:
    return f"shop/service-{number}"


def address_bytes(numbers: I64) -> U8:
    """10.0.0.1 and onward, as rows of 16 bytes."""
    last = (numbers + (10 << 24) + 1).astype(">u4")
    rows = np.zeros((len(numbers), 16), np.uint8)
    rows[:, 10:12] = 0xFF
    rows[:, 12:] = last.view(np.uint8).reshape(-1, 4)
    return rows


def _ordered(node: I64, address: I64, service: I64, start_us: I64, end_us: I64) -> Claims:
    order = np.lexsort((start_us, address, node))
    return Claims(node[order], address[order], service[order], start_us[order], end_us[order])
