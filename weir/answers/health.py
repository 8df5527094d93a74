"""Which edges do worse than usual: asked of the tables, judged by `streams.insights.health`. Command, API and detector share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.health import ENDS, Asked, ask_before, ask_counts, ask_nodes, ask_reported, ask_reporters, ask_times, ask_zones
from sinks.queries.spans import Oldest, Piece, Plan, Span
from streams.insights.health.counts import Read, before, histograms, plain, read, watched
from streams.insights.health.course import STEPS_BEFORE, Seen, Usuals, course_of, may_be_silent, suspects, usuals_of
from streams.insights.health.grouping import FEW, Trouble, grouped
from streams.insights.health.ranking import Ill, Places, Times, ranked
from streams.insights.health.signals import CONNECT, DAY_S, KINDS, LOOKBACK, RTT, SLOW_FROM, STEP_S, WEEK_S, Bools

LONGEST_S = 6 * 3_600
"""Of a longer span the last hours are judged: a detector keeps what was before."""
WARM_STEPS = 12
"""Findings that began up to so many steps before the span are seen in it."""
TIMED = 500
"""Of so many edges at most the median is looked up."""
SUSPECTS = 1_000
"""So many edges at most are asked for who looked at them; of the others nothing is said while they are silent."""
NUMBERS = 5_000
"""So many edges at most are named in one statement."""


@dataclass(frozen=True)
class HealthQuestion:
    """`until_s`: up to when the tables are complete."""

    span: Span
    until_s: int
    filter: Node | None = None
    limit: int = 100


@dataclass(frozen=True)
class Health:
    """`ills`: the worst first, of `found` in all. `plan`: its span, of whole steps, was judged; its warnings say what was left out."""

    ills: tuple[Ill, ...]
    found: int
    plan: Plan
    sql: str


@dataclass(frozen=True)
class Evidence:
    """What the tables say, as arrays. `past`: as in `Counts`."""

    asked: Asked
    past: pa.Table
    read: Read
    usuals: Usuals
    plan: Plan
    sql: str


def health(ask: Ask, oldest: Oldest, question: HealthQuestion) -> Health:
    """Raises Unavailable or WeirError."""
    judged, warnings = _judged(question)
    if not judged.seconds:
        return Health((), 0, Plan((Piece("edges_5m", judged),), judged, warnings), "")
    found = evidence_of(ask, oldest, judged, WARM_STEPS, question.filter)
    course = course_of(found.read.seen, found.usuals)
    first = judged.start_s // STEP_S
    troubles = grouped([one for one in course.episodes if one.until is None or one.until > first], found.read.edges)
    times = times_of(ask, found, troubles)
    ills = ranked(troubles, found.read, found.usuals, times, places_of(ask, found, troubles))
    return Health(tuple(ills[: question.limit]), len(ills), Plan(found.plan.pieces, judged, (*warnings, *found.plan.warnings)), found.sql)


def _judged(question: HealthQuestion) -> tuple[Span, tuple[str, ...]]:
    """Whole steps, as far as they are complete."""
    end_s = min(question.span.end_s, question.until_s) // STEP_S * STEP_S
    start_s = min(-(-question.span.start_s // STEP_S) * STEP_S, end_s)
    if start_s == end_s:
        return Span(end_s, end_s), ("Nothing is judged: no whole five minutes of the span are complete yet.",)
    if end_s - start_s <= LONGEST_S:
        return Span(start_s, end_s), ()
    return Span(end_s - LONGEST_S, end_s), (
        f"The last {LONGEST_S // 3_600} hours of the span are judged: `weir findings` has what was before.",
    )


def evidence_of(ask: Ask, oldest: Oldest, judged: Span, warm: int, where: Node | None) -> Evidence:
    steps = Span(max(0, judged.start_s - (STEPS_BEFORE + warm) * STEP_S), judged.end_s)
    asked = Asked(steps, judged, SLOW_FROM, where)
    counts = ask_counts(ask, asked, oldest)
    found = read(counts, asked)
    usuals = usuals_of(found.seen, found.past)
    found = replace(found, seen=_with_before(ask, asked, found, usuals, oldest.get("edges_5m", judged.end_s)))
    told = replace(found, seen=_watched(ask, asked, found, usuals))
    return Evidence(asked, counts.past, told, usuals, counts.plan, counts.sql)


def _with_before(ask: Ask, asked: Asked, found: Read, usuals: Usuals, five_since_s: int) -> Seen:
    """With what edges that may be silent tried a day and a week before, as far as the table of five minutes goes back.

    All of them: who is silent at this time of every day must not take a place among SUSPECTS.
    """
    backs_s = [back_s for back_s in (DAY_S, WEEK_S) if asked.judged.start_s - back_s >= five_since_s]
    edges, earlier = may_be_silent(found.seen, usuals), found.seen.before.copy()
    for start in range(0, len(edges) if backs_s else 0, NUMBERS):
        some = edges[start : start + NUMBERS]
        numbers = found.numbers[some]
        earlier[some] = before(ask_before(ask, asked, numbers.tolist(), backs_s), asked, numbers, backs_s)
    return replace(found.seen, before=earlier)


def _watched(ask: Ask, asked: Asked, found: Read, usuals: Usuals) -> Seen:
    """With who looked at the edges of which it matters: all nodes that told of one must have told of a step."""
    edges = suspects(found.seen, usuals)[:SUSPECTS]
    if not len(edges):
        return found.seen
    reporters = ask_reporters(
        ask, Span(asked.judged.start_s - LOOKBACK * STEP_S, asked.judged.end_s), found.numbers[edges].tolist()
    ).to_pylist()
    nodes = sorted({row["node"] for row in reporters})
    if not nodes:
        return found.seen
    of_edge: dict[int, list[str]] = {}
    for row in reporters:
        of_edge.setdefault(row["edge"], []).append(row["node"])
    return watched(found.seen, _told(ask, asked, [of_edge.get(int(found.numbers[edge]), []) for edge in edges], nodes), edges)


def _told(ask: Ask, asked: Asked, of_edges: Sequence[Sequence[str]], nodes: Sequence[str]) -> Bools:
    """(edges, steps)."""
    told = np.zeros((len(nodes), asked.steps.seconds // STEP_S), np.bool_)
    place = {node: at for at, node in enumerate(nodes)}
    for row in ask_reported(ask, asked.steps, nodes).to_pylist():
        told[place[row["node"]], (row["step"] - asked.steps.start_s) // STEP_S] = True
    by_edge = [told[[place[node] for node in own]].all(axis=0) if own else np.zeros(told.shape[1], np.bool_) for own in of_edges]
    return np.stack(by_edge)


def times_of(ask: Ask, found: Evidence, troubles: Sequence[Trouble]) -> Mapping[Trouble, Times]:
    """Samples of those that are slow, while they are, and those of their past."""
    slow = [one for one in troubles if one.signal in (RTT, CONNECT)]
    numbers = [int(found.read.numbers[one.edge]) for trouble in slow for one in trouble.episodes][:TIMED]
    if not numbers:
        return {}
    table = ask_times(ask, found.asked, numbers)
    edge, step = plain(table.column("edge")), plain(table.column("at")).astype(np.int64) // STEP_S
    known = plain(found.past.column("edge"))
    now, past = ({signal: histograms(part, KINDS[signal]) for signal in (RTT, CONNECT)} for part in (table, found.past))
    times = {}
    for one in slow:
        own = found.read.numbers[[episode.edge for episode in one.episodes]]
        lasts = np.isin(edge, own) & (step >= one.since) & (step < (one.until or np.inf))
        times[one] = Times(now[one.signal][lasts].sum(axis=0), past[one.signal][np.isin(known, own)].sum(axis=0))
    return times


def places_of(ask: Ask, found: Evidence, troubles: Sequence[Trouble]) -> Mapping[str, Places]:
    """By kind, the narrowest first; none where there are too few troubles for a place to be at fault."""
    if len(troubles) < FEW:
        return {}
    return {kind: _places(table, found) for kind, table in (("node", ask_nodes(ask, found.asked)), ("zone", ask_zones(ask, found.asked)))}


def _places(table: pa.Table, found: Evidence) -> Places:
    place = {edge: ends for edge, *ends in zip(*(table.column(name).to_pylist() for name in ("edge", *ENDS)), strict=True)}
    client, server = zip(*(place.get(int(number), ("", "")) for number in found.read.numbers), strict=True)
    return Places(client, server)
