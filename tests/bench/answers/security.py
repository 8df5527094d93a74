"""Security against a month whose attacks are known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.records.finding import Finding, FindingKey, Sighting, finding_id
from sinks.queries.spans import Span
from tests.bench.console.report import Figure, at_most
from tests.simulator.answers.security import BEFORE_S, DAYS, HOUR_S, START_S, Attack, AttackKind, Month, draw, steps
from tests.simulator.answers.security_questions import Drawn
from weir.answers.security import Asked, over, sightings

PRIMARY: dict[AttackKind, frozenset[str]] = {
    "scan": frozenset({"scan"}),
    "sweep": frozenset({"scan", "fan_out"}),
    "beacon": frozenset({"beacon"}),
    "exfiltration": frozenset({"exfiltration"}),
    "lateral": frozenset({"new_edge"}),
    "flood": frozenset({"flood"}),
    "listening": frozenset({"listening"}),
}
"""By what an attack is found; what else an attacker does then is no false finding."""
LATEST_S = 26 * HOUR_S
JITTER = 0.2


@dataclass(frozen=True)
class Judged:
    month: Month
    opened: tuple[Sighting, ...]
    found: frozenset[int]
    false: tuple[Sighting, ...]

    def recall(self, attacks: Sequence[int]) -> float:
        return sum(one in self.found for one in attacks) / len(attacks) if attacks else 1.0


def watch(month: Month) -> tuple[Sighting, ...]:
    """What is opened, step by step, as a detector keeps it."""
    questions, opened = Drawn(month), dict[FindingKey, Finding]()
    told: list[Sighting] = []
    for start_s, end_s in steps():
        step = Span(start_s, end_s)
        seen = sightings(Asked(questions, step, START_S - BEFORE_S, opened))
        for key in over(opened, seen, step):
            del opened[key]
        for one in seen:
            if one.key not in opened:
                told.append(one)
            first_us = opened[one.key].first_seen_us if one.key in opened else one.since_us
            opened[one.key] = Finding(
                finding_id(one.key, first_us), one.key, "open", one.severity, first_us, one.until_us, one.count, one.evidence, 1
            )
    return tuple(told)


def judge(month: Month) -> Judged:
    opened = watch(month)
    found: set[int] = set()
    false = []
    for one in opened:
        hit = [number for number, attack in enumerate(month.attacks) if _is_of(one, attack, month)]
        found |= {number for number in hit if one.key.kind in PRIMARY[month.attacks[number].kind]}
        if not hit:
            false.append(one)
    return Judged(month, opened, frozenset(found), tuple(false))


def _is_of(one: Sighting, attack: Attack, month: Month) -> bool:
    at_s = one.until_us / 1e6
    subjects = {one.key.subject, *json.loads(one.evidence).get("some_clients", ())} if one.key.kind == "listening" else {one.key.subject}
    return month.names[attack.subject] in subjects and attack.start_s - 300 <= at_s <= attack.end_s + LATEST_S


def of_reuse(judged: Judged) -> list[Sighting]:
    """False findings of clients that met a new holder of an old address just then."""
    stale = {(judged.month.names[row.client], row.at_s // 300) for row in judged.month.rows if row.label == "reuse"}
    return [one for one in judged.false if any((one.key.subject, int(one.since_us / 3e8) + late) in stale for late in (-1, 0, 1))]


def measure(seed: int) -> Iterator[Figure]:
    judged = judge(draw(seed))
    month, false = judged.month, judged.false
    attacks = range(len(month.attacks))
    yield _least(f"recall of {len(attacks)} attacks", 0.95, judged.recall(attacks))
    beacons = [one for one in attacks if month.attacks[one].kind == "beacon" and month.attacks[one].jitter <= JITTER]
    yield _least(f"of {len(beacons)} beacons with jitter to 20 %", 0.9, judged.recall(beacons))
    yield _least("precision", 0.9, 1 - len(false) / max(1, len(judged.opened)), f" ({len(false)} false of {len(judged.opened)} findings)")
    strays = {month.names[row.client] for row in month.rows if row.label == "stray"}
    unannounced = sum(one.key.subject in strays for one in false)
    yield Figure("security: false ones of changes that nothing announces", "-", f"{unannounced} of {len(false)}", None)
    yield at_most("security: findings from reuse alone", 0, len(of_reuse(judged)), "")
    days = [0] * DAYS
    for one in false:
        days[min(DAYS - 1, int((one.until_us / 1e6 - START_S) // 86_400))] += 1
    yield at_most("security: false findings a day", 2, len(false) / DAYS, "", f" ({max(days)} on the worst)")


def _least(name: str, goal: float, found: float, beside: str = "") -> Figure:
    return Figure(f"security: {name}", f">= {goal:g}", f"{found:.3f}{beside}", found >= goal)
