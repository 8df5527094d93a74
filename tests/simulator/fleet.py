"""Who held which address when, in true time, and what the nodes' clocks make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from tests.simulator.scenario import ORIGIN_US, Scenario

AGENTLESS = -1
_KEY = 1 << 42
"""More microseconds than a scenario lasts: address and instant fit into one sortable number."""


@dataclass(frozen=True)
class Tenures:
    """Sorted by address and start, never overlapping: `workload` held `address` on `node` from start to end, true time."""

    address: I64
    start_us: I64
    end_us: I64
    workload: I64
    node: I64

    def __len__(self) -> int:
        return len(self.address)

    def holding(self, address: I64, at_us: I64) -> I64:
        """Row of the tenure that holds the address then, -1 where nobody does."""
        row = np.searchsorted(self.address * _KEY + self.start_us, address * _KEY + at_us, "right") - 1
        held = (row >= 0) & (self.address[row] == address) & (at_us < self.end_us[row])
        return np.where(held, row, -1)

    def without_ends(self, by_us: int) -> Tenures:
        kept = self.end_us - self.start_us > 2 * by_us
        start_us, end_us = self.start_us[kept] + by_us, self.end_us[kept] - by_us
        return Tenures(self.address[kept], start_us, end_us, self.workload[kept], self.node[kept])


@dataclass(frozen=True)
class Fleet:
    """Instants count from ORIGIN_US here; `clock_us` is what a node's clock is ahead of true time.

    Addresses: pods' first, then those without an agent, then the nodes' own, which all of a node's listeners share.
    """

    scenario: Scenario
    tenures: Tenures
    listeners: Tenures  # address here: node * listeners_per_node + number of the port
    clock_us: I64
    death_us: I64
    away_from_us: I64
    away_until_us: I64

    @property
    def talking(self) -> tuple[Tenures, Tenures]:
        """When the tenures' and the listeners' workloads talk."""
        return self.tenures.without_ends(self.scenario.settle_us), self.listeners.without_ends(self.scenario.settle_us)

    @property
    def first_agentless(self) -> int:
        return self.scenario.addresses

    @property
    def first_shared(self) -> int:
        return self.scenario.addresses + self.scenario.agentless


def make_fleet(scenario: Scenario) -> Fleet:
    chance = np.random.default_rng([scenario.seed, 1])
    nodes, horizon = scenario.nodes, scenario.horizon_us
    half = scenario.skew_us // 2
    clock = chance.integers(-half, half + 1, nodes)
    clock[:2] = -half, half  # the bound is reached
    death = np.where(chance.random(nodes) < scenario.node_deaths, chance.integers(horizon // 4, horizon, nodes), 2 * horizon)
    away = np.where(
        chance.random(nodes) < scenario.backlogs,
        chance.integers(scenario.away_least_us, scenario.away_least_us + horizon // 2, nodes),
        2 * horizon,
    )
    back = away + chance.integers(60_000_000, 1 + max(60_000_000, min(horizon // 4, 3_600_000_000)), nodes)
    pods = _tenures(chance, scenario, scenario.addresses + scenario.agentless, death)
    ports = _tenures(chance, scenario, nodes * scenario.listeners_per_node, death, fixed=scenario.listeners_per_node)
    return Fleet(scenario, pods, ports, clock, death, away, back)


def _tenures(chance: np.random.Generator, scenario: Scenario, addresses: int, death_us: I64, fixed: int = 0) -> Tenures:
    """`fixed`: so many consecutive addresses belong to one node; otherwise every tenure is on a node of its own choice."""
    horizon = scenario.horizon_us
    most = max(scenario.idle_least_us + 1, min(scenario.idle_most_us, 4 * scenario.life_us))
    columns = int(2.5 * horizon / scenario.life_us) + 8
    life = (chance.exponential(scenario.life_us, (addresses, columns)) + 1_000_000).astype(np.int64)
    idle = np.exp(chance.uniform(np.log(scenario.idle_least_us), np.log(most), (addresses, columns))).astype(np.int64)
    begun = (chance.random(addresses) * scenario.life_us).astype(np.int64)
    start = np.cumsum(life + idle, axis=1) - life - begun[:, None] - idle[:, :1]
    end = start + life
    workload = chance.integers(0, scenario.workloads, (addresses, columns))
    comes_back = chance.random((addresses, columns)) < scenario.return_rate
    for column in range(2, columns):
        workload[:, column] = np.where(comes_back[:, column], workload[:, column - 2], workload[:, column])
    address = np.broadcast_to(np.arange(addresses)[:, None], start.shape)
    node = address // fixed if fixed else chance.integers(0, scenario.nodes, start.shape)
    rows = _flat(address, start, end, workload, node)
    if not fixed:
        rows.node[rows.address >= scenario.addresses] = AGENTLESS
    until = np.where(rows.node >= 0, death_us[rows.node], horizon)
    start_us, end_us = np.maximum(rows.start_us, 0), np.minimum(np.minimum(rows.end_us, until), horizon)
    kept = start_us < end_us
    return Tenures(rows.address[kept], start_us[kept], end_us[kept], rows.workload[kept], rows.node[kept])


def _flat(*columns: NDArray[np.int64]) -> Tenures:
    return Tenures(*(np.ascontiguousarray(column).reshape(-1).copy() for column in columns))


def names_of(fleet: Fleet) -> list[str]:
    """Workloads by number, then `node/<id>` of every node."""
    scenario = fleet.scenario
    return [f"svc-{number}" for number in range(scenario.workloads)] + [f"node/n{number}" for number in range(scenario.nodes)]


def address_bytes(address: I64) -> NDArray[np.uint8]:
    """(n, 16): 10.x.y.z as IPv4-mapped."""
    ip = np.zeros((len(address), 16), np.uint8)
    ip[:, 10:12] = 0xFF
    number = address + 0x0A000001
    for byte in range(4):
        ip[:, 12 + byte] = number >> (8 * (3 - byte))
    return ip


def absolute(instant_us: I64) -> I64:
    return instant_us + ORIGIN_US
