"""What a receiver is to be told, from the log alone: that a finding opened, that it became graver, that it closed; each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.records.finding_change import FindingChange
from weir.detector.log import Entry
from weir.detector.transitions import severer

Event = Literal["opened", "raised", "closed"]


@dataclass(frozen=True)
class Notice:
    """`severity`: the gravest that the receiver has been told of the finding, this notice included. `before`: the one before it rose."""

    offset: int
    event: Event
    change: FindingChange
    severity: str
    before: str = ""

    @property
    def key(self) -> str:
        """The same for the same notice, whoever sends it and however often."""
        end = f"-{self.severity}" if self.event == "raised" else ""
        return f"{self.change.finding.id}-{self.event}{end}"


class Notices:
    """Fed with every entry in the order of the log. What was opened before the offset `since` is left out, for its whole life."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._told: dict[str, str] = {}
        self._foreign: set[str] = set()

    def of(self, entry: Entry) -> Notice | None:
        change = entry.change
        its = change.finding.id
        if change.change == "closed":
            self._foreign.discard(its)
            severity = self._told.pop(its, None)
            return None if severity is None else Notice(entry.offset, "closed", change, severity)
        if change.withheld or its in self._foreign:
            return None
        if its not in self._told:
            if entry.offset < self._since:
                self._foreign.add(its)
                return None
            self._told[its] = change.finding.severity
            return Notice(entry.offset, "opened", change, change.finding.severity)
        before = self._told[its]
        if not severer(change.finding.severity, before):
            return None
        self._told[its] = change.finding.severity
        return Notice(entry.offset, "raised", change, change.finding.severity, before)
