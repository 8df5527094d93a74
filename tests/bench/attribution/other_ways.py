"""How others name the remote end. Each gets better input than it would have in the field, and no more logic than it has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from tests.simulator.beats import FIRST_PORT, Mail
from tests.simulator.fleet import AGENTLESS, Fleet, Tenures
from tests.simulator.traffic import Views

_SPAN = 1 << 42
_LOOK_BACK = 12
_LOOKUP_LAG_US = 1_000_000


class Holders:
    """Everybody who ever held an address, as the others' sources know it: pods, listeners by port, and nodes."""

    def __init__(self, fleet: Fleet) -> None:
        scenario = fleet.scenario
        pods, ports = fleet.tenures, fleet.listeners
        self._fleet = fleet
        self._first_port = fleet.first_shared
        self.tenures = Tenures(
            *(
                np.concatenate((one, other))
                for one, other in zip(vars(pods).values(), vars(_shifted(ports, self._first_port)).values(), strict=True)
            )
        )
        self._nodes_owner = scenario.workloads

    def subject(self, views: Views) -> I64:
        """The address, or the listener's number where a port was listened on; -1 for a process on a node's own address."""
        shared = views.remote - self._fleet.first_shared
        listener = self._first_port + shared * self._fleet.scenario.listeners_per_node + views.port - FIRST_PORT
        return np.where(shared < 0, views.remote, np.where(views.truth < self._nodes_owner, listener, -1))

    def of_nodes(self, views: Views, owner: I64) -> I64:
        """A node's own address is its own, whoever asks."""
        node = self._nodes_owner + views.remote - self._fleet.first_shared
        return np.where(self.subject(views) < 0, node, owner)


def _shifted(ports: Tenures, by: int) -> Tenures:
    return Tenures(ports.address + by, ports.start_us, ports.end_us, ports.workload, ports.node)


def owner_now(fleet: Fleet, mail: Mail, views: Views) -> I64:
    """Whoever holds the address when the record is handled, one second after it arrived; a perfect source. -1: nobody."""
    del mail
    holders = Holders(fleet)
    row = holders.tenures.holding(np.maximum(holders.subject(views), 0), views.arrival_us + _LOOKUP_LAG_US)
    return holders.of_nodes(views, np.where(row >= 0, holders.tenures.workload[row], -1))


def last_start(fleet: Fleet, mail: Mail, views: Views) -> I64:
    """The last start before the flow, by the clocks of the nodes; ends are not looked at. A lost or late start is not known."""
    return _latest(fleet, mail, views, by_flow_time=True, ends=False)


def latest_event(fleet: Fleet, mail: Mail, views: Views) -> I64:
    """The newest assigned or unassigned event, all by one clock, that had arrived when the record was handled."""
    return _latest(fleet, mail, views, by_flow_time=False, ends=True)


def _latest(fleet: Fleet, mail: Mail, views: Views, *, by_flow_time: bool, ends: bool) -> I64:
    del mail
    scenario, holders = fleet.scenario, Holders(fleet)
    held = holders.tenures
    chance = np.random.default_rng([scenario.seed, 6])
    clock = np.zeros_like(held.node) if ends else np.where(held.node == AGENTLESS, 0, fleet.clock_us[held.node])
    address = np.concatenate((held.address, held.address)) if ends else held.address
    at_us = np.concatenate((held.start_us + clock, held.end_us + clock)) if ends else held.start_us + clock
    owner = np.concatenate((held.workload, np.full(len(held), -1))) if ends else held.workload
    arrival = np.maximum(at_us, 0) + chance.integers(100_000, 3_000_000, len(at_us))
    arrival += np.where(chance.random(len(at_us)) < scenario.late, chance.integers(0, scenario.late_us + 1, len(at_us)), 0)
    arrival[at_us <= scenario.skew_us] = 0
    kept = np.flatnonzero(chance.random(len(at_us)) >= scenario.lost)
    order = kept[np.lexsort((at_us[kept], address[kept]))]
    now = views.arrival_us + _LOOKUP_LAG_US
    wanted = views.first_us if by_flow_time else now
    found = _known(address[order], at_us[order], arrival[order], holders.subject(views), wanted, now)
    return holders.of_nodes(views, np.where(found >= 0, owner[order][found], -1))


def _known(address: I64, at_us: I64, arrival_us: I64, subject: I64, wanted_us: I64, now_us: I64) -> NDArray[np.int64]:
    """The last sorted event of the subject that is not after `wanted` and had arrived by `now`; -1 for none."""
    offset = _SPAN // 4
    row = np.searchsorted(address * _SPAN + at_us + offset, subject * _SPAN + np.minimum(wanted_us, _SPAN // 2) + offset, "right") - 1
    for _ in range(_LOOK_BACK):
        mine = (row >= 0) & (address[np.maximum(row, 0)] == subject)
        waiting = mine & (arrival_us[np.maximum(row, 0)] > now_us)
        row = np.where(mine, row - waiting, -1)
    return row
