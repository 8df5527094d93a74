"""What the API server has said of this node, kept for the next agent: it may start while the server is away.

A pod's uid is never used twice, so that a name stays true however old the file is.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from producers.kubernetes.place import Place

log = logging.getLogger("weir.agent")

FILE_BYTES = 4 * 2**20
"""A larger file is none of ours. The limits of NodePods stay far below."""
NAME_LENGTH = 400
"""A namespace has 63 characters at most, an owner's name 253."""


@dataclass(frozen=True)
class Remembered:
    """`names`: by pods' uids. `place`: None where the server was never asked."""

    names: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None


class NamesFile:
    """Never raises for the disk: names that cannot be kept cost no counts."""

    def __init__(self, path: Path, node: str) -> None:
        self._path = path
        self._node = node
        self._works = True

    def read(self) -> Remembered:
        """Nothing where there is no file that can be used. The place only of a node of the same name."""
        try:
            if self._path.stat().st_size > FILE_BYTES:
                return Remembered()
            document = json.loads(self._path.read_bytes())
            names = {uid: name for uid, name in document["names"].items() if _is_text(uid) and _is_text(name)}
            zone, region = document["zone"], document["region"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return Remembered()
        placed = document.get("node") == self._node and isinstance(zone, str) and isinstance(region, str)
        return Remembered(names, Place(zone, region) if placed else None)

    def write(self, known: Remembered) -> None:
        place = known.place or Place()
        document = {"node": self._node if known.place else "", "zone": place.zone, "region": place.region, "names": dict(known.names)}
        draft = self._path.with_name(f".{self._path.name}.part")
        try:
            draft.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
            os.replace(draft, self._path)
        except OSError as error:
            if self._works:
                log.warning("Pods' names cannot be kept (%s); an agent that starts while the API server is away has none.", error)
            self._works = False
            return
        self._works = True


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LENGTH and value.isprintable()
