"""What a flow would be named by what is known now: the workers' own rule, asked with what the tables hold of one address."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from schemas.protocols import parse_protocol
from streams.attribution.attribute import REASONS, SOURCES, Endpoints, attribute
from streams.attribution.cidr_labels import CidrLabels
from streams.attribution.services import name_services
from streams.ownership.asof import REACH
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap, empty_map
from streams.ownership.observations import from_changelog

if TYPE_CHECKING:
    from weir.explain.evidence import Evidence, Flow, Held
    from weir.explain.told import Told


@dataclass(frozen=True)
class Rules:
    """Settings of the workers that decide what is named. `labels`: WEIR_CIDRS."""

    gap_seconds: int
    skew_ms: int
    window_seconds: int
    retention_seconds: int
    labels: tuple[tuple[IPv4Network | IPv6Network, str], ...] = ()

    @property
    def retention_us(self) -> int:
        return self.retention_seconds * 1_000_000

    @property
    def silence_us(self) -> int:
        """How far from a flow a silence may begin or end that the map bridges and that is within reach of the flow; a window more."""
        return (self.gap_seconds + self.window_seconds) * 1_000_000 + REACH * self.skew_us

    @property
    def skew_us(self) -> int:
        return self.skew_ms * 1_000


@dataclass(frozen=True)
class Standing:
    """How a range stands to a flow, by the map's tolerance.

    `covers`: it holds the flow surely enough to name it; `within_skew`, `within_reach`: clocks apart by the skew, or by as much as leaves
    a flow with two owners without a name, could have put it into the flow's time.
    """

    covers: bool
    within_skew: bool
    within_reach: bool


@dataclass(frozen=True)
class Known:
    """The answer for one flow, as the columns of `flows` have it. `agent`: an agent speaks for the address. `label`: what WEIR_CIDRS says
    of it, as `network=name`, whether or not that names the flow. `standings`: one for each range of the evidence. `reach_us`, `skew_us`:
    see `Tolerance`. `by_service`: the answer is that of what watchers told; `service`: whose address it is, where that is known.
    """

    workload: str
    source: str
    reason: str
    agent: bool
    label: str
    standings: tuple[Standing, ...]
    skew_us: int
    reach_us: int
    by_service: bool = False
    service: str = ""


def name_now(evidence: Evidence, told: Told, rules: Rules) -> Known:
    """Raises SettingError where the rules contradict each other."""
    flow, ip = evidence.flow, told.ownership.ip
    known, labels = _learned(flow, told, rules), CidrLabels(rules.labels)
    end = _endpoint(flow, ip)
    held = attribute(known, end)
    served = name_services(known, end, held)
    named = labels.name(known, end.ip, served)
    (owner,), (source,), (reason,), (agent,) = (column.tolist() for column in (named.owner, named.source, named.reason, named.agent))
    (service,) = named.service.tolist()
    return Known(
        workload="" if owner == NOBODY else known.names.texts[owner],
        source=SOURCES[source],
        reason=REASONS[reason],
        agent=agent,
        label=labels.text(ip),
        standings=_standings(known, flow, evidence.ranges),
        skew_us=known.skew_us,
        reach_us=known.tolerance.reach_us,
        by_service=served is not held,
        service="" if service == NOBODY else known.names.texts[service],
    )


def _learned(flow: Flow, told: Told, rules: Rules) -> OwnershipMap:
    """The map of a worker that knew of the address what the tables know, and has forgotten what it would have at the flow's time.

    The workers' window divides every agent's: where the setting does not, as beside a demo, it is not theirs.
    """
    window_seconds = gcd(rules.window_seconds, flow.window_seconds)
    known = empty_map(gap_seconds=rules.gap_seconds, skew_ms=rules.skew_ms, window_seconds=window_seconds)
    known.evidence.spoke(told.from_us, told.until_us)
    known.learn(from_changelog([told.ownership]))
    known.learn_events(told.events)
    known.services.learn(told.services)
    known.forget(flow.first_us - rules.retention_us)
    known.services.forget(flow.first_us - rules.retention_us)
    return known


def _endpoint(flow: Flow, ip: bytes) -> Endpoints:
    return Endpoints(
        names=(flow.network,),
        network=np.zeros(1, np.uint32),
        ip=np.frombuffer(ip, np.uint8).reshape(1, 16),
        protocol=np.array([parse_protocol(flow.protocol)], np.uint8),
        service_port=np.array([flow.service_port], np.uint16),
        listening=np.array([flow.listening]),
        first_us=np.array([flow.first_us]),
        last_us=np.array([flow.last_us]),
    )


def _standings(known: OwnershipMap, flow: Flow, ranges: tuple[Held, ...]) -> tuple[Standing, ...]:
    tolerance = known.tolerance
    start_us, end_us = (np.array([getattr(held, name) for held in ranges], np.int64) for name in ("start_us", "end_us"))
    first_us, last_us = np.full(len(ranges), flow.first_us), np.full(len(ranges), flow.last_us)
    covers = tolerance.covers(start_us, end_us, first_us, last_us)
    skewed = tolerance.reaches(start_us, end_us, first_us, last_us, times=1)
    reached = tolerance.reaches(start_us, end_us, first_us, last_us)
    return tuple(map(Standing, covers.tolist(), skewed.tolist(), reached.tolist()))
