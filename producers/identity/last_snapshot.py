"""The last look at who holds what, kept for the next agent: a restart is then no longer than a long window.

One file, the instant of the look its modification time, so that a look that found nothing new writes nothing. It
needs no fsync: it is good for the running kernel only, whose page cache outlives a process.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from producers.identity.holdings import Holding

log = logging.getLogger("weir.agent")


@dataclass(frozen=True)
class Snapshot:
    """What was held at an instant. `since_us`: and from when on at the latest, where that is known."""

    seen: frozenset[Holding]
    at_us: int
    since_us: Mapping[Holding, int] = field(default_factory=dict)


class SnapshotFile:
    """Never raises for the disk: a look that cannot be kept costs names of a restart, no counts."""

    def __init__(self, path: Path, boot_id: str) -> None:
        self._path = path
        self._boot_id = boot_id
        self._kept: frozenset[Holding] | None = None
        self._works = True

    def read(self) -> Snapshot | None:
        """The last look in this boot; None when there is none that can be trusted."""
        try:
            with self._path.open(encoding="utf-8") as file:
                at_us = os.fstat(file.fileno()).st_mtime_ns // 1000
                document = json.load(file)
            if document["boot_id"] != self._boot_id:
                return None
            held = frozenset(Holding(bytes.fromhex(ip), name, port, protocol) for ip, name, port, protocol in document["held"])
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return Snapshot(held, at_us)

    def keep(self, look: Snapshot) -> None:
        try:
            self._write(look)
        except OSError as error:
            if self._works:
                log.warning("The last look cannot be kept (%s); a restart would leave a gap in who held what.", error)
            self._works, self._kept = False, None

    def _write(self, look: Snapshot) -> None:
        instant = (look.at_us * 1000, look.at_us * 1000)
        if look.seen == self._kept:
            os.utime(self._path, ns=instant)
            return
        held = sorted((h.ip.hex(), h.workload, h.port, h.protocol) for h in look.seen)
        draft = self._path.with_name(f".{self._path.name}.part")
        draft.write_text(json.dumps({"boot_id": self._boot_id, "held": held}, separators=(",", ":")), encoding="utf-8")
        os.utime(draft, ns=instant)
        os.replace(draft, self._path)
        self._kept = look.seen
