"""The log of a detector: every change in its order, and behind each step how far it has come. What is in it is what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.records.finding_change import FindingChange, FindingsCheckpoint


@dataclass(frozen=True)
class Entry:
    offset: int
    change: FindingChange


@dataclass(frozen=True)
class Written:
    """All that is in a log. `end`: behind the last of it."""

    entries: tuple[Entry, ...]
    checkpoint: FindingsCheckpoint | None
    end: int


class Log(Protocol):
    def read(self) -> Written:
        """Raises Unavailable."""
        ...

    def append(self, changes: Sequence[FindingChange], checkpoint: FindingsCheckpoint) -> tuple[Entry, ...]:
        """All of it or nothing. Raises Unavailable: then only `read` of a new log tells which."""
        ...


class MemoryLog:
    """Of one process that writes alone."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._checkpoint: FindingsCheckpoint | None = None

    def read(self) -> Written:
        return Written(tuple(self._entries), self._checkpoint, len(self._entries))

    def append(self, changes: Sequence[FindingChange], checkpoint: FindingsCheckpoint) -> tuple[Entry, ...]:
        added = tuple(Entry(len(self._entries) + place, change) for place, change in enumerate(changes))
        self._entries.extend(added)
        self._checkpoint = checkpoint
        return added
