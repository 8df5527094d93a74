"""Who talked to whom, and the two views of it that the nodes at both ends report."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER
from tests.simulator.beats import FIRST_PORT, Mail
from tests.simulator.fleet import AGENTLESS, Fleet

PORTS = 50_000
_FIRST_FREE_PORT = 10_000
_TRIES = 6


@dataclass(frozen=True)
class Views:
    """n flow records as their nodes saw them, by their clocks. `truth`: who had the remote address, an index into `names_of`;
    `truth_node`: on which node, AGENTLESS where no agent is.

    `conversation` numbers what both views of one conversation share; its true bytes are `octets`.
    """

    conversation: I64
    node: I64
    window: I64
    local: I64
    remote: I64
    workload: I64
    truth: I64
    truth_node: I64
    port: I64
    role: NDArray[np.uint8]
    first_us: I64
    last_us: I64
    octets: I64
    arrival_us: I64

    def __len__(self) -> int:
        return len(self.node)

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Views:
        return Views(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class _Ends:
    """One end of each conversation: its address, the node that counts it, its name there and its name as seen from afar."""

    address: I64
    node: I64
    workload: I64
    name: I64
    until_us: I64

    def rows(self, chosen: NDArray[np.bool_]) -> _Ends:
        return _Ends(*(getattr(self, field.name)[chosen] for field in fields(self)))


def make_views(fleet: Fleet, mail: Mail) -> Views:
    """All views that were reported, in no order."""
    scenario = fleet.scenario
    chance = np.random.default_rng([scenario.seed, 5])
    server, port, at_us = _servers(fleet, chance)
    client = _clients(fleet, chance, server.address, at_us)
    there = (client.node > -2) & (at_us >= scenario.window_us)  # heartbeats have begun by then, whatever the clocks say
    there &= (client.node != AGENTLESS) | (server.node != AGENTLESS)  # somebody must see it
    server, client, port, at_us = server.rows(there), client.rows(there), port[there], at_us[there]
    until = np.minimum(server.until_us, client.until_us)
    last_us = np.minimum(until - 1, at_us + _durations(chance, len(at_us), scenario.window_us))
    number = np.arange(len(at_us))
    port = np.where(port > 0, port, _FIRST_FREE_PORT + number % PORTS)
    octets = chance.integers(40, 100_000, len(at_us))
    one = _view(fleet, mail, client, server, ROLE_CLIENT, number, port, (at_us, last_us), octets)
    other = _view(fleet, mail, server, client, ROLE_SERVER, number, port, (at_us, last_us), octets)
    return Views(*(np.concatenate((getattr(one, field.name), getattr(other, field.name))) for field in fields(Views)))


def _durations(chance: np.random.Generator, rows: int, window_us: int) -> I64:
    """Most conversations take milliseconds, some a second, one in ten up to a window."""
    longest = np.select([(kind := chance.random(rows)) < 0.6, kind < 0.9], [50_000, 1_000_000], window_us)
    taken: I64 = (chance.random(rows) * longest).astype(np.int64)
    return taken


def _servers(fleet: Fleet, chance: np.random.Generator) -> tuple[_Ends, I64, I64]:
    """Tenures by the time that they last, so that every instant of every holder is as likely; one in twenty is a listener."""
    scenario, (held, ports) = fleet.scenario, fleet.talking
    wanted = scenario.conversations
    listening = wanted // 20 if len(ports) else 0
    row, at_us = _instants(held.start_us, held.end_us, chance, wanted - listening, scenario.edge_share)
    pods = _Ends(held.address[row], held.node[row], held.workload[row], held.workload[row], held.end_us[row])
    lrow, lat_us = _instants(ports.start_us, ports.end_us, chance, listening, scenario.edge_share)
    node = ports.node[lrow]
    shared = _Ends(fleet.first_shared + node, node, ports.workload[lrow], ports.workload[lrow], ports.end_us[lrow])
    server = _Ends(*(np.concatenate((getattr(pods, field.name), getattr(shared, field.name))) for field in fields(_Ends)))
    port = np.concatenate((np.zeros_like(row), FIRST_PORT + ports.address[lrow] % max(scenario.listeners_per_node, 1)))
    at_us = np.concatenate((at_us, lat_us))
    order = np.argsort(at_us, kind="stable")  # conversations are numbered in the order of time: no port repeats within a window
    return _Ends(*(getattr(server, field.name)[order] for field in fields(_Ends))), port[order], at_us[order]


def _instants(start: I64, end: I64, chance: np.random.Generator, wanted: int, edge_share: float) -> tuple[I64, I64]:
    if not wanted:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    bounds = np.cumsum(end - start)
    drawn = chance.integers(0, bounds[-1], wanted)
    row = np.searchsorted(bounds, drawn, "right")
    at_us = drawn - (bounds - (end - start))[row] + start[row]
    reach = chance.integers(0, 600_000, wanted)
    edge = chance.random(wanted)
    at_us = np.where(edge < edge_share / 2, start[row] + reach, at_us)
    at_us = np.where(edge > 1 - edge_share / 2, end[row] - 1 - reach, at_us)
    return row, np.clip(at_us, start[row], end[row] - 1)


def _clients(fleet: Fleet, chance: np.random.Generator, server: I64, at_us: I64) -> _Ends:
    """Any holder but the server; one in fifty is a process on a node's own address. Node -2 where none was found."""
    (held, _), scenario = fleet.talking, fleet.scenario
    row = np.full(len(at_us), -1, np.int64)
    for _ in range(_TRIES):
        open_rows = np.flatnonzero(row < 0)
        address = chance.integers(0, fleet.first_shared, len(open_rows))
        found = held.holding(address, at_us[open_rows])
        row[open_rows] = np.where(address == server[open_rows], -1, found)
    missing = row < 0
    row[missing] = 0
    pods = [held.address[row], np.where(missing, -2, held.node[row]), held.workload[row], held.workload[row], held.end_us[row]]
    node = chance.integers(0, scenario.nodes, len(at_us))
    process = (chance.random(len(at_us)) < 0.02) & (fleet.death_us[node] > at_us) & (fleet.first_shared + node != server)
    seen_as = scenario.workloads + node
    workload = chance.integers(0, scenario.workloads, len(at_us))
    processes = [fleet.first_shared + node, node, workload, seen_as, np.minimum(fleet.death_us[node], scenario.horizon_us)]
    return _Ends(*(np.where(process, one, other) for one, other in zip(processes, pods, strict=True)))


def _view(
    fleet: Fleet, mail: Mail, here: _Ends, there: _Ends, role: int, number: I64, port: I64, span: tuple[I64, I64], octets: I64
) -> Views:
    """What the agent at one end reports; a conversation that goes on beyond the window is cut there."""
    length = fleet.scenario.window_us
    rows = np.flatnonzero(here.node >= 0)
    node = here.node[rows]
    first, last = span[0][rows] + fleet.clock_us[node], span[1][rows] + fleet.clock_us[node]
    window = first // length
    last = np.minimum(last, (window + 1) * length - 1)
    reported = (window >= 0) & (window < mail.silent.shape[1]) & ~mail.silent[node, np.maximum(window, 0)]
    rows, node, first, last, window = rows[reported], node[reported], first[reported], last[reported], window[reported]
    return Views(
        conversation=number[rows],
        node=node,
        window=window,
        local=here.address[rows],
        remote=there.address[rows],
        workload=here.workload[rows],
        truth=there.name[rows],
        truth_node=there.node[rows],
        port=port[rows],
        role=np.full(len(rows), role, np.uint8),
        first_us=first,
        last_us=last,
        octets=octets[rows],
        arrival_us=mail.arrival_us[node, window],
    )
