"""The table of a soak, and the same as JSON."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from schemas.failpoints import WORKER_POINTS
from tests.bench.machine import machine
from tests.faults.plan import AT_POINT
from tests.faults.run import Outcome


def table(outcomes: Iterable[Outcome]) -> Iterator[str]:
    yield from ("# Soak", "", machine())
    for outcome in outcomes:
        yield from ("", f"## {outcome.title}: {outcome.sent:,} flows, {_kills(outcome)} kills, {outcome.seconds:,.0f} s", "")
        yield from _faults(outcome)
        yield ""
        yield from _places(outcome)
        yield ""
        yield from _rest(outcome)


def write(outcomes: list[Outcome], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(outcomes, option=orjson.OPT_INDENT_2))


def never_hit(outcomes: Iterable[Outcome]) -> list[str]:
    """Points of a worker with one region at which no worker was killed."""
    hit = {point for outcome in outcomes for struck in outcome.struck if struck.kind.startswith(AT_POINT) for point in outcome.hits}
    return [point for point in WORKER_POINTS if point not in hit]


def _kills(outcome: Outcome) -> int:
    return sum(struck.kills for struck in outcome.struck)


def _faults(outcome: Outcome) -> Iterator[str]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    counts: defaultdict[str, int] = defaultdict(int)
    for struck in outcome.struck:
        counts[struck.kind] += 1
        if struck.recovered is not None:
            times[struck.kind].append(struck.recovered)
    yield from ("| fault | times | recovery, median s | worst s |", "|---|---|---|---|")
    for kind in sorted(counts):
        yield f"| {kind} | {counts[kind]} | {_seconds(times[kind])} |"
    yield f"| all | {len(outcome.struck)} | {_seconds([one for some in times.values() for one in some])} |"


def _seconds(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} | {max(times):.1f}" if times else "- | -"


def _places(outcome: Outcome) -> Iterator[str]:
    yield from ("| where | flows expected | found | lost | doubled | windows off |", "|---|---|---|---|---|---|")
    for place in outcome.verdicts.places:
        yield f"| {place.where} | {place.expected:,} | {place.found:,} | {place.lost:,} | {place.doubled:,} | {place.off:,} |"


def _rest(outcome: Outcome) -> Iterator[str]:
    verdicts = outcome.verdicts
    yield f"Losses: {verdicts.losses_off} windows not as agents reported; {verdicts.reported:,} flows refused by workers."
    yield f"Names: {verdicts.misnamed:,} wrong, {verdicts.nameless:,} missing, each with a reason."
    yield f"Repeats that a downstream program left out: {verdicts.downstream_repeats:,} messages."
    yield f"Workers that ended by themselves: {len(outcome.ended_by_themselves)}."


def total(outcomes: list[Outcome]) -> Iterator[str]:
    """One line for all runs together."""
    places = [place for outcome in outcomes for place in outcome.verdicts.places]
    times = [struck.recovered for outcome in outcomes for struck in outcome.struck if struck.recovered is not None]
    faults, sent = sum(len(one.struck) for one in outcomes), sum(one.sent for one in outcomes)
    yield f"{sum(map(_kills, outcomes))} kills, {faults} faults, {sent:,} flows."
    yield f"{sum(one.lost for one in places):,} lost, {sum(one.doubled for one in places):,} doubled in all places together."
    yield f"Recovery: median and worst {_seconds(times).replace(' | ', ' and ')} s."
