"""weir's attributor on simulated views: the worker's own ownership map and look-up, with the hold's timing around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64, U32
from schemas.records.flow_batch import ROLE_CLIENT
from schemas.records.ip_event import IpEvent
from streams.attribution.attribute import Endpoints, attribute
from streams.attribution.canonical import canonical
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import Observations
from tests.simulator.beats import Beats, Mail, Signs
from tests.simulator.fleet import Fleet, absolute, address_bytes, names_of
from tests.simulator.scenario import ORIGIN_US
from tests.simulator.traffic import Views

TCP = 6
SECOND_US = 1_000_000


@dataclass(frozen=True)
class Rules:
    """A worker's settings. Microseconds."""

    gap_us: int = 60 * SECOND_US
    skew_us: int = 250_000
    hold_us: int = 30 * SECOND_US
    retention_us: int = 3_600 * SECOND_US
    margin_us: int | None = None


@dataclass(frozen=True)
class Named:
    """Row by row of the views: index into `names_of` or -1, the node behind it by its number or -1, an index into REASONS, whether the view
    counts, and when it was named.
    """

    owner: I64
    node: I64
    reason: NDArray[np.uint8]
    canonical: NDArray[np.bool_]
    at_us: I64


class Region:
    """The names of a fleet as the worker's columns speak of them."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.owners = names_of(fleet)
        self.names = ("default", *self.owners, *(f"n{node}" for node in range(fleet.scenario.nodes)))

    def statements(self, beats: Beats) -> Observations:
        return Observations(
            names=self.names,
            network=np.zeros(len(beats), np.uint32),
            node=(beats.node + 1 + len(self.owners)).astype(np.uint32),
            workload=(beats.owner + 1).astype(np.uint32),
            ip=address_bytes(beats.address),
            port=beats.port.astype(np.uint16),
            protocol=np.where(beats.port > 0, TCP, 0).astype(np.uint8),
            start_us=absolute(beats.start_us),
            end_us=absolute(beats.end_us),
            by_flow=np.zeros(len(beats), np.bool_),
        )

    def sighted(self, views: Views) -> Observations:
        """What flows say of their local ends, as `streams.ownership.observations.from_flows` has it."""
        key = ((views.local * len(self.names) + views.workload) * self.fleet.scenario.nodes + views.node) * (1 << 20) + views.window
        order = np.argsort(key)
        begins = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1])) if len(key) else np.zeros(0, np.int64)
        one = views.rows(order[begins])
        return Observations(
            names=self.names,
            network=np.zeros(len(one), np.uint32),
            node=(one.node + 1 + len(self.owners)).astype(np.uint32),
            workload=(one.workload + 1).astype(np.uint32),
            ip=address_bytes(one.local),
            port=np.zeros(len(one), np.uint16),
            protocol=np.zeros(len(one), np.uint8),
            start_us=absolute(np.minimum.reduceat(views.first_us[order], begins) if len(one) else one.first_us),
            end_us=absolute(np.maximum.reduceat(views.last_us[order], begins) + 1 if len(one) else one.last_us),
            by_flow=np.ones(len(one), np.bool_),
        )

    def events(self, signs: Signs) -> list[IpEvent]:
        held = self.fleet.tenures
        ips = address_bytes(held.address[signs.tenure])
        rows = zip(ips, signs.tenure.tolist(), signs.at_us.tolist(), signs.assigned.tolist(), strict=True)
        return [
            IpEvent("default", ip.tobytes(), self.owners[held.workload[row]], assigned, at_us + ORIGIN_US)
            for ip, row, at_us, assigned in rows
        ]

    def remote_ends(self, views: Views) -> Endpoints:
        return Endpoints(
            names=self.names,
            network=np.zeros(len(views), np.uint32),
            ip=address_bytes(views.remote),
            protocol=np.full(len(views), TCP, np.uint8),
            service_port=views.port.astype(np.uint16),
            listening=views.role == ROLE_CLIENT,
            first_us=absolute(views.first_us),
            last_us=absolute(views.last_us),
        )


def released_us(fleet: Fleet, mail: Mail, hold_us: int) -> I64:
    """True time at which a window that arrived in time may be named: every live node has reported the next one, or the hold is over."""
    scenario = fleet.scenario
    end_us = (np.arange(scenario.windows + 1) + 1) * scenario.window_us
    arrival = np.where(mail.silent, 0, mail.arrival_us)
    reported = arrival[:, 1:].max(axis=0)
    released: I64 = np.minimum(reported, end_us + hold_us)
    return released


def steps(fleet: Fleet, mail: Mail, views: Views, hold_us: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(instant of naming, rows named then), in the order of time."""
    released = np.maximum.accumulate(released_us(fleet, mail, hold_us))
    at = np.minimum(views.window, len(released) - 1)
    when = np.maximum(released[at], views.arrival_us)
    late = when > released[at]
    step = np.where(late, np.searchsorted(released, when), at)  # with the next window's, once it has arrived
    step = np.minimum(step, len(released))
    order = np.argsort(step, kind="stable")
    bounds = np.searchsorted(step[order], np.arange(len(released) + 2))
    for number in range(len(released) + 1):
        rows = order[bounds[number] : bounds[number + 1]]
        if len(rows):
            yield (int(released[number]) if number < len(released) else 1 << 60), rows


def weirs_names(fleet: Fleet, mail: Mail, beats: Beats, signs: Signs, views: Views, rules: Rules) -> Named:
    """Names as a worker would give them, at the time that it would, with what it would know then."""
    region = Region(fleet)
    known = OwnershipMap(gap_us=rules.gap_us, skew_us=rules.skew_us, margin_us=rules.margin_us, window_us=fleet.scenario.window_us)
    owner, node, reason = np.full(len(views), -1, np.int64), np.full(len(views), -1, np.int64), np.zeros(len(views), np.uint8)
    counts, at_us = np.zeros(len(views), np.bool_), np.zeros(len(views), np.int64)
    beat = sign = 0
    number = np.array([], np.int64)
    forget_us = 0
    for now_us, rows in steps(fleet, mail, views, rules.hold_us):
        heard, told = int(np.searchsorted(beats.arrival_us, now_us, "right")), int(np.searchsorted(signs.arrival_us, now_us, "right"))
        known.learn(region.statements(beats.rows(slice(beat, heard))))
        known.learn_events(region.events(signs.rows(slice(sign, told))))
        beat, sign = heard, told
        some = views.rows(rows)
        known.learn(region.sighted(some))
        ends = region.remote_ends(some)
        named = attribute(known, ends)
        number = _numbers(known, region, number)
        owner[rows] = np.where(named.owner == NOBODY, -1, number[np.where(named.owner == NOBODY, 0, named.owner)])
        node[rows] = _nodes(known, named.node)
        reason[rows], at_us[rows] = named.reason, now_us
        counts[rows] = canonical(ends.protocol, ends.service_port, some.role, address_bytes(some.local), ends.ip, named.agent)
        if now_us - forget_us > 600 * SECOND_US and now_us < 1 << 60:
            forget_us = now_us
            known.forget(now_us - rules.retention_us + ORIGIN_US)
            number = number[:0]
    return Named(owner, node, reason, counts, at_us)


def _nodes(known: OwnershipMap, node: U32) -> I64:
    """The fleet's numbers for nodes that the map has by its own."""
    used, index = np.unique(node, return_inverse=True)
    numbers = [-1 if number == NOBODY else int(known.names.texts[number].removeprefix("n")) for number in used.tolist()]
    return np.array(numbers, np.int64)[index]


def _numbers(known: OwnershipMap, region: Region, number: I64) -> I64:
    """The map's numbers for names, as indexes into `names_of`."""
    if len(number) == len(known.names):
        return number
    index = {name: position for position, name in enumerate(region.owners)}
    return np.array([index.get(text, -1) for text in known.names.texts], np.int64)
