"""What the nodes say: heartbeats by their own clocks, with everything that can happen to a message on its way."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from tests.simulator.fleet import AGENTLESS, Fleet, Tenures

FIRST_PORT = 8_000


@dataclass(frozen=True)
class Beats:
    """m statements, by the clock of their node; `arrival_us` is true time. `owner` indexes `names_of`. `port` 0: whole address."""

    node: I64
    window: I64
    address: I64
    owner: I64
    port: I64
    start_us: I64
    end_us: I64
    arrival_us: I64

    def __len__(self) -> int:
        return len(self.node)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Beats:
        return Beats(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Mail:
    """(nodes, windows) of true times: when a node's report of a window arrives, and whether its heartbeat was lost.

    `silent`: the node died before it could report that window.
    """

    arrival_us: I64
    lost: NDArray[np.bool_]
    silent: NDArray[np.bool_]


def make_mail(fleet: Fleet) -> Mail:
    scenario = fleet.scenario
    chance = np.random.default_rng([scenario.seed, 2])
    shape = scenario.nodes, scenario.windows + 2
    end_us = (np.arange(shape[1]) + 1) * scenario.window_us - fleet.clock_us[:, None]
    delay = chance.integers(20_000, 1_500_000, shape)
    delay += np.where(chance.random(shape) < scenario.late, chance.integers(0, scenario.late_us + 1, shape), 0)
    sent = end_us + np.maximum(scenario.look_lag_us, 0)
    away = (sent >= fleet.away_from_us[:, None]) & (sent < fleet.away_until_us[:, None])
    sent = np.where(away, fleet.away_until_us[:, None], sent)
    return Mail(sent + delay, chance.random(shape) < scenario.lost, end_us > fleet.death_us[:, None])


def make_beats(fleet: Fleet, mail: Mail) -> Beats:
    """Sorted by arrival."""
    scenario = fleet.scenario
    chance = np.random.default_rng([scenario.seed, 3])
    shared = scenario.listeners_per_node
    pods = _said(fleet, fleet.tenures, mail)
    ports = _said(fleet, fleet.listeners, mail)
    port = FIRST_PORT + ports.address % max(shared, 1)
    ports = Beats(**{**vars(ports), "address": fleet.first_shared + ports.node, "port": port})
    nodes = _said(fleet, _own_addresses(fleet), mail)
    every = _joined(pods, ports, nodes)
    again = every.rows(chance.random(len(every)) < scenario.repeated)
    again = Beats(**{**vars(again), "arrival_us": again.arrival_us + chance.integers(0, 600_000_000, len(again))})
    every = _joined(every, again)
    return every.rows(np.argsort(every.arrival_us, kind="stable"))


def _own_addresses(fleet: Fleet) -> Tenures:
    number = np.arange(fleet.scenario.nodes)
    end_us = np.minimum(fleet.death_us, fleet.scenario.horizon_us)
    return Tenures(fleet.first_shared + number, np.zeros_like(number), end_us, fleet.scenario.workloads + number, number)


def _said(fleet: Fleet, tenures: Tenures, mail: Mail) -> Beats:
    """One statement for each tenure and window that its node saw it in, if the node reported that window."""
    length, lag = fleet.scenario.window_us, fleet.scenario.look_lag_us
    rows = np.flatnonzero(tenures.node != AGENTLESS)
    node = tenures.node[rows]
    start, end = tenures.start_us[rows] + fleet.clock_us[node], tenures.end_us[rows] + fleet.clock_us[node]
    first, last = np.maximum((start - lag) // length, 0), (end - lag - 1) // length
    counts = np.maximum(np.minimum(last, mail.lost.shape[1] - 1) - first + 1, 0)
    each = np.repeat(np.arange(len(rows)), counts)
    window = first[each] + np.arange(len(each)) - np.repeat(np.cumsum(counts) - counts, counts)
    looked = window * length + lag * (1 + (window * 7 + node[each]) % 3) // 3  # the look comes a little after the window's end
    looked_next = (window + 1) * length + lag * (1 + ((window + 1) * 7 + node[each]) % 3) // 3
    said_start, said_end = np.maximum(start[each], np.where(window == 0, 0, looked)), np.minimum(end[each], looked_next)
    heard = ~mail.lost[node[each], window] & ~mail.silent[node[each], window] & (said_start < said_end)
    each, window, said_start, said_end = each[heard], window[heard], said_start[heard], said_end[heard]
    row = rows[each]
    arrival = mail.arrival_us[node[each], window]
    return Beats(node[each], window, tenures.address[row], tenures.workload[row], np.zeros_like(row), said_start, said_end, arrival)


def _joined(*parts: Beats) -> Beats:
    return Beats(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Beats)))


@dataclass(frozen=True)
class Signs:
    """Assigned and unassigned events of a tracker whose clock may be off too. Sorted by arrival."""

    tenure: I64
    at_us: I64
    assigned: NDArray[np.bool_]
    arrival_us: I64

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Signs:
        return Signs(self.tenure[chosen], self.at_us[chosen], self.assigned[chosen], self.arrival_us[chosen])


def make_signs(fleet: Fleet, tenures: I64) -> Signs:
    """Events of the given tenures, repeated and out of order; ends get lost. No beginning does, nor is one later than a window."""
    scenario = fleet.scenario
    chance = np.random.default_rng([scenario.seed, 4])
    clock = int(chance.integers(-scenario.skew_us // 2, scenario.skew_us // 2 + 1))
    both = np.concatenate((tenures, tenures))
    assigned = np.arange(len(both)) < len(tenures)
    at_us = np.where(assigned, fleet.tenures.start_us[both], fleet.tenures.end_us[both])
    delay = chance.integers(100_000, 3_000_000, len(both))
    delay += np.where(chance.random(len(both)) < scenario.late, chance.integers(0, 6_000_000, len(both)), 0)
    kept = assigned | (chance.random(len(both)) >= scenario.lost)
    kept &= ~(~assigned & (at_us >= scenario.horizon_us))
    again = np.flatnonzero(kept & (chance.random(len(both)) < scenario.repeated))
    rows = np.concatenate((np.flatnonzero(kept), again))
    arrival = np.where(at_us[rows] == 0, 0, at_us[rows] + delay[rows])
    arrival[len(rows) - len(again) :] += 5_000_000
    order = np.argsort(arrival, kind="stable")
    return Signs(both[rows][order], (at_us + clock)[rows][order], assigned[rows][order], arrival[order])
