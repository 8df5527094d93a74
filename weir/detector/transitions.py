"""From what the watches saw in a step to what changes: at most one open finding a key, and a closed one stays closed.

1. What is seen and not open is opened; of a key that was closed less than COOL_DOWN_US ago, nothing, until it is seen later.
2. What is open and seen is updated where its severity changed, or each hour; what is open and not seen, each day, so that the topic
   holds all that is open.
3. What is open and has ended is closed.
4. In the time of learning nothing is told to receivers, nor what is muted; a mute that has ended holds nothing back any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.records.finding import Finding, FindingKey, Sighting, finding_id
from schemas.records.finding_change import EVIDENCE_BYTES, FindingChange, Withheld
from weir.detector.state import DAY_US, HOUR_US, State
from weir.detector.watch import Look

COOL_DOWN_US = 15 * 60 * 1_000_000
OPEN_LIMIT = 5_000
"""Findings that are open at most. What is beyond is seen again in the next step."""
_RANK = {"info": 0, "warning": 1, "critical": 2}
TOO_LONG = '{"too_long":true}'


@dataclass(frozen=True)
class Rules:
    """`learns_until_us`: what is opened before is told to no receiver. `muted`: of a key, at a time in microseconds."""

    learns_until_us: int
    muted: Callable[[FindingKey, int], bool]


def severer(one: str, other: str) -> bool:
    """Whether the first severity is graver than the second."""
    return _RANK[one] > _RANK[other]


def changes_of(
    state: State, looks: Iterable[Look], seen_before: Mapping[FindingKey, Sighting], at_us: int, rules: Rules
) -> tuple[FindingChange, ...]:
    """Sorted by key. `at_us`: the step's end. `seen_before`: the last sightings of what is open, as far as they are known."""
    looks = tuple(looks)
    seen = {sighting.key: sighting for look in looks for sighting in look.seen}
    ended = frozenset().union(*(look.ended for look in looks)) - seen.keys()
    found = [*_of_opened(state, seen, ended, seen_before, at_us, rules)]
    found += _openings(state, seen, at_us, rules)
    return tuple(sorted(found, key=lambda change: change.finding.key))


def refused(state: State, looks: Iterable[Look]) -> int:
    """How many that were seen are not opened for want of room."""
    fresh = {sighting.key for look in looks for sighting in look.seen} - state.opened.keys()
    return max(0, len(state.opened) + len(fresh) - OPEN_LIMIT)


def _openings(state: State, seen: Mapping[FindingKey, Sighting], at_us: int, rules: Rules) -> Iterator[FindingChange]:
    fresh = [sighting for key, sighting in seen.items() if key not in state.opened and not _cools_down(state, key, at_us)]
    fresh.sort(key=lambda sighting: (-_RANK[sighting.severity], sighting.key))
    for sighting in fresh[: OPEN_LIMIT - len(state.opened)]:
        # behind what was closed of the key, which is remembered for a day: no id comes twice
        since_us = min(max(sighting.since_us, state.closed_us.get(sighting.key, at_us - DAY_US)), at_us)
        first = Finding(finding_id(sighting.key, since_us), sighting.key, "open", sighting.severity, since_us, at_us, 0, "{}", at_us)
        yield FindingChange("opened", as_seen(first, sighting, at_us), _withheld(sighting.key, at_us, rules))


def _cools_down(state: State, key: FindingKey, at_us: int) -> bool:
    closed_us = state.closed_us.get(key)
    return closed_us is not None and at_us - closed_us < COOL_DOWN_US


def _withheld(key: FindingKey, at_us: int, rules: Rules) -> Withheld:
    if at_us < rules.learns_until_us:
        return "learning"
    return "muted" if rules.muted(key, at_us) else ""


def _of_opened(
    state: State,
    seen: Mapping[FindingKey, Sighting],
    ended: frozenset[FindingKey],
    seen_before: Mapping[FindingKey, Sighting],
    at_us: int,
    rules: Rules,
) -> Iterator[FindingChange]:
    for key, last in state.opened.items():
        if key.kind == "storm":
            continue
        sighting = seen.get(key) or seen_before.get(key)
        finding = as_seen(last.finding, sighting, at_us)
        if key in ended:
            yield FindingChange("closed", replace(finding, state="closed"), last.withheld)
        else:
            released = last.withheld == "muted" and not rules.muted(key, at_us)
            told_again_us = HOUR_US if key in seen else DAY_US
            if released or finding.severity != last.finding.severity or at_us - last.at_us >= told_again_us:
                yield FindingChange("updated", finding, "" if released else last.withheld)


def as_seen(finding: Finding, sighting: Sighting | None, at_us: int) -> Finding:
    """The finding as of a step's end, as the last sighting has it."""
    if sighting is None:
        return replace(finding, version=at_us)
    evidence = sighting.evidence if len(sighting.evidence) <= EVIDENCE_BYTES else TOO_LONG
    until_us = min(max(sighting.until_us, finding.first_seen_us), at_us)
    count = max(0, int(sighting.count))
    return replace(finding, severity=sighting.severity, last_seen_us=until_us, count=count, evidence=evidence, version=at_us)
