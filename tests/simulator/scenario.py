"""What a simulated region is like. Everything else follows from these numbers and the seed."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_US = 1_000_000
ORIGIN_US = 1_767_225_600 * SECOND_US
"""2026-01-01T00:00:00Z, a window's start."""


@dataclass(frozen=True)
class Scenario:
    """Durations in microseconds. Shares and rates lie between 0 and 1.

    `skew_us`: no two clocks differ by more. `late`: share of messages that are delayed, by up to `late_us`.
    `lost`: share of a node's windows whose heartbeat is lost; events are lost at the same rate. `return_rate`: share of
    tenures that give an address back to the owner before the last one. `settle_us`: a workload talks from so long after it got
    its address until so long before it gives it back, as a pod does that is set up first and drained in the end. `away_least_us`:
    the earliest instant at which a node may be cut off; before it nobody ever heard of a node that is cut off at 0.
    """

    seed: int = 1
    horizon_us: int = 3_600 * SECOND_US
    window_us: int = 10 * SECOND_US
    nodes: int = 40
    workloads: int = 300
    addresses: int = 1_000
    agentless: int = 50
    listeners_per_node: int = 3
    life_us: int = 600 * SECOND_US
    idle_least_us: int = 10_000
    idle_most_us: int = 3_600 * SECOND_US
    return_rate: float = 0.02
    skew_us: int = 250_000
    lost: float = 0.0
    late: float = 0.01
    late_us: int = 60 * SECOND_US
    repeated: float = 0.02
    node_deaths: float = 0.05
    backlogs: float = 0.05
    away_least_us: int = 60 * SECOND_US
    conversations: int = 100_000
    edge_share: float = 0.0
    settle_us: int = 0
    look_lag_us: int = 0

    @property
    def windows(self) -> int:
        return self.horizon_us // self.window_us
