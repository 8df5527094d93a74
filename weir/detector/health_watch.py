"""The health of every edge, step by step: what `weir health` would show, with the memory that an open finding keeps in its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from schemas.records.finding import Finding, FindingKey, Kind, Sighting
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Span
from streams.insights.health.course import course_of
from streams.insights.health.grouping import Edge, Trouble, grouped
from streams.insights.health.hysteresis import Episode, State, closed
from streams.insights.health.ranking import Ill, ills_of
from streams.insights.health.signals import KINDS, STEP_S
from weir.answers.health import evidence_of, places_of, times_of
from weir.detector.watch import Look

MEMBERS = 100
"""So many edges of a finding are remembered. What is forgotten is found again while it lasts."""
_SHOWN = ("now", "usual", "low", "high", "bad", "tried", "clients", "servers", "fault", "refused", "timed_out", "protocol", "sentence")


@dataclass(frozen=True)
class Member:
    """One edge of an open finding: what `hysteresis.State` knows of it."""

    client: str
    server: str
    protocol: str
    service_port: int
    since: int
    opened: int
    bad: float
    tried: float
    excess: float
    calm: int
    calm_bad: float
    calm_tried: float
    calm_excess: float


class HealthWatch:
    """A `Watch`. A finding ends when all of its edges are well, or when another, larger one has them."""

    kinds: frozenset[Kind] = frozenset(KINDS)

    def look(self, ask: Ask, step: Span, oldest: Oldest, opened: Mapping[FindingKey, Finding]) -> Look:
        found = evidence_of(ask, oldest, step, 0, None)
        place = {edge: at for at, edge in enumerate(found.read.edges)}
        known = {key: tuple(_members(finding)) for key, finding in opened.items()}
        course = course_of(found.read.seen, found.usuals, _state(known, place))
        going_on = [one for one in course.episodes if one.until is None]
        troubles = _troubles(going_on, found.read.edges, frozenset(opened))
        ills = ills_of(troubles, found.read, found.usuals, times_of(ask, found, troubles), places_of(ask, found, troubles))
        seen = [_sighting(trouble, ill, found.read.edges, course.state, step) for trouble, ill in zip(troubles, ills, strict=True)]
        keys = {one.key for one in seen}
        return Look(tuple(seen), frozenset(key for key in opened if key not in keys))


def _members(finding: Finding) -> Iterator[Member]:
    for told in orjson.loads(finding.evidence).get("members", ()):
        yield Member(**told)


def _state(known: Mapping[FindingKey, Sequence[Member]], place: Mapping[Edge, int]) -> State:
    state = closed(len(place))
    for key, members in known.items():
        for member in members:
            edge = Edge(key.network, member.client, member.server, member.protocol, member.service_port)
            if edge in place:
                _set(state, (KINDS.index(key.kind), place[edge]), member)
    return state


def _set(state: State, at: tuple[int, int], member: Member) -> None:
    state.is_open[at], state.since[at], state.opened[at], state.calm[at] = True, member.since, member.opened, member.calm
    for counted, prefix in ((state.counted, ""), (state.calm_counted, "calm_")):
        for name in ("bad", "tried", "excess"):
            getattr(counted, name)[at] = getattr(member, f"{prefix}{name}")


def _troubles(going_on: Sequence[Episode], edges: Sequence[Edge], opened: frozenset[FindingKey]) -> list[Trouble]:
    """What is open as one stays one until its last edge is well."""
    kept: dict[tuple[FindingKey, str], list[Episode]] = {}
    others: list[Episode] = []
    for one in going_on:
        edge, kind = edges[one.edge], KINDS[one.signal]
        of_server = FindingKey(kind, edge.network, edge.server, "", edge.service_port)
        of_client = FindingKey(kind, edge.network, edge.client, "", 0)
        if of_server in opened:
            kept.setdefault((of_server, f"server {edge.server}"), []).append(one)
        elif of_client in opened:
            kept.setdefault((of_client, f"client {edge.client}"), []).append(one)
        else:
            others.append(one)
    return [*(Trouble(tuple(episodes), at) for (_, at), episodes in kept.items()), *grouped(others, edges)]


def _sighting(trouble: Trouble, ill: Ill, edges: Sequence[Edge], state: State, step: Span) -> Sighting:
    worst = sorted(trouble.episodes, key=lambda one: -one.excess)[:MEMBERS]
    shown: dict[str, Any] = {name: getattr(ill, name) for name in _SHOWN}
    evidence = {**shown, "members": [asdict(_member(one, edges[one.edge], state)) for one in worst]}
    subject, peer = (ill.client, ill.server) if ill.client and ill.server else (ill.client or ill.server, "")
    key = FindingKey(ill.signal, ill.network, subject, peer, ill.service_port)
    since_us, until_us = trouble.since * STEP_S * 1_000_000, step.end_s * 1_000_000
    return Sighting(key, ill.severity, since_us, until_us, max(1, round(ill.excess)), orjson.dumps(evidence).decode())


def _member(one: Episode, edge: Edge, state: State) -> Member:
    at, calm = (one.signal, one.edge), state.calm_counted
    counted = (float(part[at]) for part in (calm.bad, calm.tried, calm.excess))
    ends = edge.client, edge.server, edge.protocol, edge.service_port
    return Member(*ends, one.since, one.opened, one.bad, one.tried, one.excess, int(state.calm[at]), *counted)
