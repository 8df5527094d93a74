"""A bounded queue of windows on disk, between the kernel's counts and Kafka. First in, first out.

A window is written whole, and is on the disk when `add` returns. When the queue is full, the oldest window that
cannot have reached Kafka yet makes room, and its loss travels with the window that takes its place: both become
true in one rename. The head of the queue is never dropped, since Kafka may have it already, and a window that is
both delivered and counted as lost would be counted twice. Where the disk refuses, windows wait in memory, bounded too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from producers.losses import Tally
from producers.spool.atomic_write import sync_directory, write_file
from producers.spool.segment import Head, Segment, make_segment, pack, unpack
from schemas.private_files import private_directory
from schemas.records.flow_batch import Loss

log = logging.getLogger("weir.agent")

HEAD_SEGMENTS = 16
"""Only the first so many windows, and no more than a quarter of the queue's bytes, may be on their way to Kafka."""
MEMORY_BYTES = 8 << 20
BLOCK_BYTES = 4096
REASONS = ("full", "memory", "memory_full", "torn")
"""Of losses: no room on disk, a process that died with windows in memory, no room in memory, a file that was cut."""
LOSS_BYTES = 256
"""More than any one loss adds to a segment, in its head and in its records together."""


@dataclass(frozen=True)
class Room:
    """What must go to let a segment in: first seqs, and the losses to put into that segment. `enough`: it fits then."""

    enough: bool
    replaces: tuple[int, ...] = ()
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True)
class _Entry:
    head: Head
    size: int  # on disk, in whole blocks
    memory: Segment | None = None

    def losses(self, reason: str) -> tuple[Loss, ...]:
        """What is lost with the segment: its flows, and the losses that it was to carry."""
        return (*self.head.losses, *self.own_loss(reason))

    def own_loss(self, reason: str) -> tuple[Loss, ...]:
        head = self.head
        if not (head.flows or head.packets or head.traffic_bytes):
            return ()
        return (Loss(head.window_start_us, "spool", reason, head.flows, head.packets, head.traffic_bytes, head.first_seq),)


class Spool:
    """Thread-safe. `torn` are losses found at the start; `repair` makes the disk agree once they are written down.

    `given_up`: what was lost here, for metrics.
    """

    def __init__(self, directory: Path, limit_bytes: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self._directory = directory
        self._limit = limit_bytes
        self._memory_limit = memory_bytes
        self._lock = threading.RLock()
        self._entries: dict[int, _Entry] = {}
        self._damaged: list[tuple[Path, Segment | None]] = []
        self._disk_works = True
        self.given_up = Tally(REASONS)
        private_directory(directory)
        self.torn = self._scan()

    @property
    def next_seq(self) -> int:
        """Above every seq that the spool holds."""
        return max((e.head.first_seq + e.head.records for e in self._entries.values()), default=0)

    @property
    def disk_bytes(self) -> int:
        with self._lock:
            return sum(e.size for e in self._entries.values() if e.memory is None)

    @property
    def memory_bytes(self) -> int:
        """Of windows that the disk did not take."""
        with self._lock:
            return sum(e.size for e in self._entries.values() if e.memory is not None)

    def __len__(self) -> int:
        return len(self._entries)

    def head_of(self, first_seq: int) -> Head | None:
        """The head of the segment that begins with this seq, if it is here."""
        entry = self._entries.get(first_seq)
        return entry.head if entry else None

    def at_risk(self) -> tuple[tuple[int, int, int], int]:
        """Flows, packets and bytes that only memory holds, and the first window among them."""
        with self._lock:
            heads = [e.head for e in self._entries.values() if e.memory is not None]
        totals = (sum(h.flows for h in heads), sum(h.packets for h in heads), sum(h.traffic_bytes for h in heads))
        return totals, min((h.window_start_us for h in heads), default=0)

    def room_for(self, size: int) -> Room:
        """What has to go so that a segment of this size fits, its losses included."""
        with self._lock:
            used, wanted = self.disk_bytes, _blocks(size)
            gone: list[int] = []
            losses: list[Loss] = []
            for entry in self._droppable():
                if used + wanted <= self._limit:
                    break
                gone.append(entry.head.first_seq)
                losses += entry.losses("full")
                used -= entry.size
                wanted = _blocks(size + LOSS_BYTES * len(losses))
            return Room(used + wanted <= self._limit, tuple(gone), tuple(losses))

    def add(self, segment: Segment) -> tuple[Loss, ...]:
        """Adds a segment, on disk where the disk takes it, else in memory. Returns losses of segments that memory dropped for it."""
        with self._lock:
            self._settle()
            self._store(segment)
            for replaced in filter(None, map(self._entries.get, segment.head.replaces)):
                self.given_up.note(replaced.own_loss("full"))
            self._drop(segment.head.replaces)
            return self._trim_memory()

    def sendable(self) -> tuple[int, ...]:
        """First seqs of the segments at the head of the queue, in order."""
        with self._lock:
            return tuple(self._head())

    def load(self, first_seq: int) -> Segment | None:
        """A segment's content; None when it is gone, or can no longer be read."""
        with self._lock:
            entry = self._entries.get(first_seq)
            if entry is None:
                return None
            if entry.memory is not None:
                return entry.memory
            try:
                return unpack(self._path(entry.head).read_bytes())
            except OSError:
                return None

    def remove(self, first_seq: int) -> None:
        """Forgets a segment that Kafka has. A crash may bring it back: then it is sent again, and is a repeat."""
        with self._lock:
            self._drop((first_seq,))

    def repair(self) -> None:
        """Rewrites damaged segments with what is whole in them. Call when `torn` is safe elsewhere. Raises OSError."""
        for path, segment in self._damaged:
            if segment is None or not segment.records:
                path.unlink(missing_ok=True)
            else:
                head = segment.head
                whole = make_segment(head.window_start_us, segment.records, head.losses, head.replaces, head.account)
                write_file(path, pack(whole))
                self._entries[head.first_seq] = _Entry(whole.head, _blocks(path.stat().st_size))
        if self._damaged:
            sync_directory(self._directory)
        self._damaged.clear()

    def _scan(self) -> tuple[Loss, ...]:
        losses: list[Loss] = []
        for part in self._directory.glob(".*.part"):
            part.unlink()
        for path in sorted(self._directory.glob("*.seg")):
            segment = unpack(path.read_bytes())
            missing = segment.missing if segment else _unknown(path)
            if missing is not None:
                self._damaged.append((path, segment))
                losses.append(missing)
                self.given_up.note((missing,))
                losses += segment.head.losses if segment and not segment.records else ()
            if segment is not None and segment.records:
                self._entries[segment.head.first_seq] = _Entry(segment.head, _blocks(path.stat().st_size))
        for entry in list(self._entries.values()):
            self._drop(entry.head.replaces)
        return tuple(losses)

    def _head(self) -> Iterator[int]:
        total = 0
        for index, (first_seq, entry) in enumerate(self._entries.items()):
            total += entry.size
            if index and (index >= HEAD_SEGMENTS or total > self._limit // 4):
                return
            yield first_seq

    def _droppable(self) -> Iterator[_Entry]:
        kept = set(self._head())
        return (e for seq, e in self._entries.items() if seq not in kept and e.memory is None)

    def _store(self, segment: Segment) -> None:
        data = pack(segment)
        self._damaged = [item for item in self._damaged if item[0] != self._path(segment.head)]
        entry = _Entry(segment.head, _blocks(len(data)), segment)
        self._entries[segment.head.first_seq] = self._written(entry, data)

    def _written(self, entry: _Entry, data: bytes) -> _Entry:
        """The entry as one on disk, or unchanged where the disk refuses or is full."""
        replaced = sum(self._entries[seq].size for seq in entry.head.replaces if seq in self._entries)
        if self.disk_bytes - replaced + entry.size > self._limit:
            return entry
        try:
            write_file(self._path(entry.head), data)
        except OSError as error:
            if self._disk_works:
                log.error("The spool in %s cannot be written (%s); windows wait in memory until it can.", self._directory, error.strerror)
            self._disk_works = False
            return entry
        if not self._disk_works:
            log.warning("The spool in %s can be written again.", self._directory)
        self._disk_works = True
        return replace(entry, memory=None)

    def _settle(self) -> None:
        """Brings windows from memory to the disk, as far as it takes them. Order lies in the seqs, not in the files."""
        for first_seq, entry in self._entries.items():
            if entry.memory is not None:
                self._entries[first_seq] = self._written(entry, pack(entry.memory))
                if self._entries[first_seq].memory is not None:
                    return

    def _trim_memory(self) -> tuple[Loss, ...]:
        losses: list[Loss] = []
        kept = set(self._head())
        waiting = [e for seq, e in self._entries.items() if e.memory is not None]
        used = sum(e.size for e in waiting)
        for entry in waiting:
            if used <= self._memory_limit:
                break
            if entry.head.first_seq not in kept:
                del self._entries[entry.head.first_seq]
                losses += entry.losses("memory_full")
                self.given_up.note(entry.own_loss("memory_full"))
                used -= entry.size
        return tuple(losses)

    def _drop(self, first_seqs: tuple[int, ...]) -> None:
        for first_seq in first_seqs:
            entry = self._entries.pop(first_seq, None)
            if entry is not None and entry.memory is None:
                self._path(entry.head).unlink(missing_ok=True)

    def _path(self, head: Head) -> Path:
        return self._directory / f"{head.first_seq:020d}-{head.window_start_us}.seg"


def _blocks(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _unknown(path: Path) -> Loss:
    """A file whose very head is torn: that something was lost is known, and which window, but not how much."""
    first_seq, _, window = path.stem.partition("-")
    known = first_seq.isdigit() and window.isdigit()
    return Loss(int(window) if known else 0, "spool", "torn", id=int(first_seq) if known else 0)
