"""What stands on `weir.findings`: each change of a finding, and up to when all changes are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.records.finding import Finding

ChangeKind = Literal["opened", "updated", "closed"]
Withheld = Literal["", "learning", "muted", "storm"]
"""Why receivers are not told of a finding; empty: they are. What has been told is not withheld afterwards."""

EVIDENCE_BYTES = 65_536


@dataclass(frozen=True)
class FindingChange:
    """`finding` is as of the change; its version is the end of the step that led to it, in microseconds."""

    change: ChangeKind
    finding: Finding
    withheld: Withheld

    @property
    def at_us(self) -> int:
        return self.finding.version


@dataclass(frozen=True)
class FindingsCheckpoint:
    """All changes up to `at_us`, the end of a step, are told. `tables_since_us`: the start of the oldest row that the tables ever had."""

    at_us: int
    tables_since_us: int
