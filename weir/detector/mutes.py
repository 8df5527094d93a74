"""Mutes: which findings receivers are not told of, until when, and why. docs/answers.md has an example of the file."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.errors import SettingError
from schemas.records.finding import FindingKey
from weir.settings.toml_file import read_toml

log = logging.getLogger("weir.detector")


@dataclass(frozen=True)
class Mute:
    """Patterns in which `*` stands for any text. Microseconds."""

    kind: re.Pattern[str]
    subject: re.Pattern[str]
    peer: re.Pattern[str]
    until_us: int

    def holds(self, key: FindingKey, at_us: int) -> bool:
        fits = self.kind.fullmatch(key.kind) and self.subject.fullmatch(key.subject) and self.peer.fullmatch(key.peer)
        return bool(fits) and at_us < self.until_us


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Mute(_Strict):
    kind: str = "*"
    subject: str = "*"
    peer: str = "*"
    until: AwareDatetime
    reason: str = Field(min_length=1)


class _File(_Strict):
    mute: list[_Mute] = []


class Mutes:
    """The file's mutes, read again when it has changed. One thread."""

    def __init__(self, path: Path | None) -> None:
        """Raises SettingError where it cannot be used."""
        self._path = path
        self._seen = self._stamp()
        self._mutes = read_mutes(path) if path else ()

    def refresh(self) -> None:
        """A file that cannot be used any more changes nothing, and is complained of once."""
        stamp = self._stamp()
        if self._path is None or stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._mutes = read_mutes(self._path)
        except SettingError as error:
            log.warning("%s The mutes of before go on.", error)

    def holds(self, key: FindingKey, at_us: int) -> bool:
        return any(mute.holds(key, at_us) for mute in self._mutes)

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            found = None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else (0, 0, 0)


def read_mutes(path: Path) -> tuple[Mute, ...]:
    """Raises SettingError with the file and the place of what is wrong."""
    content = read_toml(
        path, _File, called=f"WEIR_MUTES_FILE={path}", remedy="name a file that this user may read", example="docs/answers.md"
    )
    return tuple(Mute(_pattern(one.kind), _pattern(one.subject), _pattern(one.peer), _microseconds(one.until)) for one in content.mute)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
