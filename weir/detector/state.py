"""What a detector knows: what is open, what was closed a while ago, how much was opened. All of it is in the changes that it wrote.

A state that is folded from the changes on the topic is that of the detector which wrote them: another one goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.records.finding import FindingKey
from schemas.records.finding_change import FindingChange, FindingsCheckpoint

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


@dataclass(frozen=True)
class State:
    """`opened`: the last change of each open finding. `closed_us`: when a key was last closed, for a day.

    `sent_us`: step -> how many began to be told to receivers in it, or would have but for a storm; for an hour.
    `checkpoint`: None before the first step.
    """

    opened: Mapping[FindingKey, FindingChange] = field(default_factory=dict)
    closed_us: Mapping[FindingKey, int] = field(default_factory=dict)
    sent_us: Mapping[int, int] = field(default_factory=dict)
    checkpoint: FindingsCheckpoint | None = None

    def after(self, changes: Iterable[FindingChange], checkpoint: FindingsCheckpoint) -> State:
        """The state behind one more step."""
        opened, closed, sent = dict(self.opened), dict(self.closed_us), dict(self.sent_us)
        for change in changes:
            key = change.finding.key
            if begins_to_count(change, self.opened.get(key)):
                sent[change.at_us] = sent.get(change.at_us, 0) + 1
            if change.change == "closed":
                opened.pop(key, None)
                closed[key] = change.at_us
            else:
                opened[key] = change
        now_us = checkpoint.at_us
        return State(
            opened,
            {key: at_us for key, at_us in closed.items() if at_us >= now_us - DAY_US},
            {at_us: count for at_us, count in sent.items() if at_us > now_us - HOUR_US},
            checkpoint,
        )


def begins_to_count(change: FindingChange, before: FindingChange | None) -> bool:
    """Whether receivers are told of a finding by this change, or a storm stands in for it. A storm itself does not count."""
    if change.change == "closed" or change.finding.key.kind == "storm" or change.withheld in ("learning", "muted"):
        return False
    return before is None or before.withheld in ("learning", "muted")
