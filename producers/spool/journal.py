"""What the agent must know after a crash: which window was in the middle of being taken, and how far it got.

Two slots of a preallocated file are written in turn, each with a checksum, so that one of them is always whole
and a full disk cannot refuse the write.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from producers.spool.atomic_write import sync_directory, write_all
from schemas.records.flow_batch import Loss

SLOT_BYTES = 131_072
_MAGIC = b"WEIRJ1\n"
_HEAD_BYTES = len(_MAGIC) + 8


@dataclass(frozen=True)
class State:
    """`taking`: the window's map is being swapped and read; False: its batches are safe and the map may be cleared.

    `slot` is the map that was active before the swap, -1 before any. `lost` is the probe's account of losses up to
    which all are reported. `carried` are losses that no batch holds yet. `at_risk` are flows, packets and bytes of
    windows that only memory holds, the first of them at `at_risk_since_us`.
    """

    epoch: int
    boot_id: str
    next_seq: int = 0
    taking: bool = False
    slot: int = -1
    window_start_us: int = -1
    window_seconds: int = 0
    lost: dict[str, tuple[int, int]] = field(default_factory=dict)
    carried: tuple[Loss, ...] = ()
    at_risk: tuple[int, int, int] = (0, 0, 0)
    at_risk_since_us: int = 0


class Journal:
    """Raises OSError from open and write."""

    def __init__(self, path: Path) -> None:
        fresh = not path.exists()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = 0
        if os.fstat(self._descriptor).st_size < 2 * SLOT_BYTES:
            write_all(self._descriptor, bytes(2 * SLOT_BYTES), 0)
            os.fsync(self._descriptor)
        if fresh:
            sync_directory(path.parent)

    def read(self) -> State | None:
        """The newest whole state; None when there never was one."""
        found = [entry for entry in (self._slot(0), self._slot(1)) if entry is not None]
        if not found:
            return None
        self._turn, document = max(found, key=lambda entry: entry[0])
        return _state(document)

    def write(self, state: State) -> None:
        """Returns when the state is on the disk."""
        body = json.dumps([self._turn + 1, asdict(state)], separators=(",", ":")).encode()
        record = _MAGIC + len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body
        if len(record) > SLOT_BYTES:
            raise OSError(f"the journal's record of {len(record)} bytes does not fit its slot")
        write_all(self._descriptor, record, (self._turn + 1) % 2 * SLOT_BYTES)
        os.fdatasync(self._descriptor)
        self._turn += 1

    def close(self) -> None:
        os.close(self._descriptor)

    def _slot(self, index: int) -> tuple[int, dict[str, Any]] | None:
        raw = os.pread(self._descriptor, SLOT_BYTES, index * SLOT_BYTES)
        size = int.from_bytes(raw[len(_MAGIC) : len(_MAGIC) + 4], "little")
        body = raw[_HEAD_BYTES : _HEAD_BYTES + size]
        if not raw.startswith(_MAGIC) or zlib.crc32(body).to_bytes(4, "little") != raw[len(_MAGIC) + 4 : _HEAD_BYTES]:
            return None
        turn, document = json.loads(body)
        return turn, document


def _state(document: dict[str, Any]) -> State:
    lost = {reason: (packets, size) for reason, (packets, size) in document.pop("lost").items()}
    carried = tuple(Loss(**loss) for loss in document.pop("carried"))
    flows, packets, size = document.pop("at_risk")
    return State(**document, lost=lost, carried=carried, at_risk=(flows, packets, size))
