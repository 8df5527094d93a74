"""One simulated region, four attributors, one line of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import I64
from schemas.records.flow_batch import ROLE_SERVER
from streams.attribution.attribute import REASONS
from tests.bench.attribution.other_ways import last_start, latest_event, owner_now
from tests.bench.attribution.weir_way import Named, Rules, weirs_names
from tests.simulator.beats import Beats, Mail, make_beats, make_mail, make_signs
from tests.simulator.fleet import AGENTLESS, Fleet, make_fleet
from tests.simulator.scenario import Scenario
from tests.simulator.traffic import Views, make_views

OTHERS: dict[str, Callable[[Fleet, Mail, Views], I64]] = {
    "owner now": owner_now,
    "latest event": latest_event,
    "last start": last_start,
}


@dataclass(frozen=True)
class Score:
    """Flow records by what became of the name of their remote end. `reasons`: why none, where the attributor says so."""

    attributor: str
    right: int
    wrong: int
    unattributed: int
    reasons: dict[str, int]

    @property
    def share_unattributed(self) -> float:
        return self.unattributed / max(1, self.right + self.wrong + self.unattributed)


@dataclass(frozen=True)
class Outcome:
    """`at_edges`: records of which some time lies within the skew of the end of a tenure, where no clock can tell.

    `placed`: records whose remote end has a node; `misplaced`: a right name, and another node than it was on; `placeable`: those with
    a name, and an agent at the end.
    `true_bytes`: of conversations that agents at both ends reported; `canonical_bytes`: what the canonical views of them add up to.
    `unheard_bytes`: of those at whose client's address no agent had ever been heard of when the server's view was named: its node was
    cut off from the first, so that nothing told the worker of a second view. They count twice.
    """

    scenario: Scenario
    records: int
    at_edges: int
    scores: tuple[Score, ...]
    placeable: int
    placed: int
    misplaced: int
    true_bytes: int
    canonical_bytes: int
    unheard_bytes: int
    seconds: float

    @property
    def weir(self) -> Score:
        return self.scores[0]

    @property
    def adds_up(self) -> bool:
        return self.canonical_bytes == self.true_bytes + self.unheard_bytes

    def plain(self) -> dict[str, object]:
        return asdict(self)


def run(scenario: Scenario, rules: Rules | None = None, *, others: bool = True) -> Outcome:
    begun = time.perf_counter()
    fleet = make_fleet(scenario)
    mail = make_mail(fleet)
    beats = make_beats(fleet, mail)
    signs = make_signs(fleet, np.flatnonzero(fleet.tenures.node == AGENTLESS))
    views = make_views(fleet, mail)
    named = weirs_names(fleet, mail, beats, signs, views, rules or Rules())
    scores = [_score("weir", named.owner, views, _reasons(named))]
    if others:
        scores += [_score(name, way(fleet, mail, views), views, {}) for name, way in OTHERS.items()]
    twice = np.bincount(views.conversation)[views.conversation] == 2
    return Outcome(
        scenario,
        len(views),
        _at_edges(fleet, views),
        tuple(scores),
        placeable=int(np.count_nonzero((named.owner >= 0) & (views.truth_node >= 0))),
        placed=int(np.count_nonzero(named.node >= 0)),
        misplaced=int(np.count_nonzero((named.node >= 0) & (named.owner == views.truth) & (named.node != views.truth_node))),
        true_bytes=int(views.octets[twice].sum()) // 2,  # a conversation's true bytes stand in each of its views
        canonical_bytes=int(views.octets[twice & named.canonical].sum()),
        unheard_bytes=int(views.octets[twice & _unheard(fleet, beats, views, named.at_us)].sum()),
        seconds=time.perf_counter() - begun,
    )


def _unheard(fleet: Fleet, beats: Beats, views: Views, named_us: I64) -> NDArray[np.bool_]:
    """Servers' views that were named before a heartbeat or a flow told that an agent is at the client's address."""
    heard_us = np.full(fleet.first_shared + fleet.scenario.nodes, np.iinfo(np.int64).max)
    np.minimum.at(heard_us, beats.address, beats.arrival_us)
    np.minimum.at(heard_us, views.local, named_us)
    unheard: NDArray[np.bool_] = (views.role == ROLE_SERVER) & (heard_us[views.remote] > named_us)
    return unheard


def _score(name: str, owner: I64, views: Views, reasons: dict[str, int]) -> Score:
    right, nameless = int(np.count_nonzero(owner == views.truth)), int(np.count_nonzero(owner < 0))
    return Score(name, right, len(views) - right - nameless, nameless, reasons)


def _reasons(named: Named) -> dict[str, int]:
    counts = np.bincount(named.reason, minlength=len(REASONS)).tolist()
    return {reason: count for reason, count in zip(REASONS, counts, strict=True) if reason and count}


def _at_edges(fleet: Fleet, views: Views) -> int:
    """Pods' and agentless addresses only; shared ones are few."""
    held, skew = fleet.tenures, fleet.scenario.skew_us
    plain = views.rows(views.remote < fleet.first_shared)
    clock = fleet.clock_us[plain.node]
    first, last = plain.first_us - clock, plain.last_us - clock
    row = held.holding(plain.remote, first)
    near = (row < 0) | (first - skew < held.start_us[row]) | (last + skew >= held.end_us[row])
    return int(np.count_nonzero(near))
