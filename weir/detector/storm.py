"""A storm: more new findings in an hour than anybody reads. Receivers are told of it, and not of each.

It begins with the step in which more than STORM_LIMIT within an hour would be told, and stands in for all of that step and after. It is
over when no more than STORM_LIMIT were new within an hour, and no more of what it stands for are open: these are told of then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.records.finding import Finding, FindingKey, Severity, finding_id
from schemas.records.finding_change import FindingChange
from weir.detector.state import HOUR_US, State, begins_to_count
from weir.detector.transitions import Rules, severer

STORM_LIMIT = 20
KEY = FindingKey("storm", "", "", "", 0)


def with_storm(state: State, changes: Sequence[FindingChange], at_us: int, rules: Rules) -> tuple[FindingChange, ...]:
    """The changes of a step with what they mean for the storm, if there is one."""
    fresh = {change.finding.key for change in changes if begins_to_count(change, state.opened.get(change.finding.key))}
    recent = sum(count for when_us, count in state.sent_us.items() if when_us > at_us - HOUR_US) + len(fresh)
    storm = state.opened.get(KEY)
    if storm is None and recent <= STORM_LIMIT:
        return tuple(changes)
    held = tuple(replace(change, withheld="storm") if change.finding.key in fresh else change for change in changes)
    behind = _withheld(state, held)
    if storm is not None and recent <= STORM_LIMIT and len(behind) <= STORM_LIMIT:
        return (*_released(held, behind, at_us), _change("closed", storm, state, behind, at_us))
    if storm is None:
        severity: Severity = "critical" if any(severer(one.finding.severity, "warning") for one in behind.values()) else "warning"
        first = Finding(finding_id(KEY, at_us), KEY, "open", severity, at_us, at_us, 0, "{}", at_us)
        opened = FindingChange("opened", first, "muted" if rules.muted(KEY, at_us) else "")
        return (*held, _change("opened", opened, state, behind, at_us))
    if at_us - storm.at_us >= HOUR_US:
        return (*held, _change("updated", storm, state, behind, at_us))
    return held


def _withheld(state: State, changes: Sequence[FindingChange]) -> dict[FindingKey, FindingChange]:
    """What is open behind the changes and not told because of a storm."""
    last = {**state.opened, **{change.finding.key: change for change in changes}}
    return {key: change for key, change in last.items() if change.withheld == "storm" and change.change != "closed"}


def _released(changes: Sequence[FindingChange], behind: Mapping[FindingKey, FindingChange], at_us: int) -> tuple[FindingChange, ...]:
    changed = {change.finding.key for change in changes}
    told = [replace(change, withheld="") if change.finding.key in behind else change for change in changes]
    others = (change for key, change in behind.items() if key not in changed)
    return (*told, *(FindingChange("updated", replace(one.finding, version=at_us), "") for one in others))


def _change(what: str, storm: FindingChange, state: State, behind: Mapping[FindingKey, FindingChange], at_us: int) -> FindingChange:
    """`count`: how many it stands for; of a closed one, as it was last told."""
    kinds = Counter(key.kind for key in behind)
    finding = replace(storm.finding, version=at_us, last_seen_us=at_us)
    if what == "closed":
        return FindingChange("closed", replace(finding, state="closed"), storm.withheld)
    evidence = json.dumps({"open": dict(sorted(kinds.items()))}, separators=(",", ":"))
    return FindingChange(
        "opened" if what == "opened" else "updated", replace(finding, count=len(behind), evidence=evidence), storm.withheld
    )
