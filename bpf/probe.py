"""The kernel side as the agent sees it: swap, read, clear, lost."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpf import layout, maps, pins, sources, syscalls
from bpf.domain_map import forget_domains, read_domains
from schemas.errors import CaptureError, SettingError
from schemas.records.histogram import Histogram, empty_histogram

MAP_ENTRIES = 65_536
DOMAIN_ENTRIES = 8_192
"""Addresses with the name that a cgroup asked for, in the kernel: 400 bytes each while there is one."""


@dataclass(frozen=True)
class Drained:
    """The entries of one map: row i of `keys` (layout.KEY), of `values` (layout.VALUE) and of both histograms are one flow's."""

    keys: NDArray[np.void]
    values: NDArray[np.void]
    rtt: Histogram = field(default_factory=empty_histogram)
    connect: Histogram = field(default_factory=empty_histogram)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Asked:
    """Row i of `keys` (layout.DOMAIN_KEY) was asked for by the name in row i of `values` (layout.DOMAIN)."""

    keys: NDArray[np.void]
    values: NDArray[np.void]


NOTHING_ASKED = Asked(np.empty(0, layout.DOMAIN_KEY), np.empty(0, layout.DOMAIN))


@dataclass(frozen=True)
class Lost:
    """What the kernel side could not count for one reason, ever since it was attached.

    `events`: connection events and DNS answers, no packets.
    """

    reason: str
    packets: int
    bytes: int
    events: int = 0


class Probe(Protocol):
    """Kernel side of an agent: read, swap and clear its maps, count its losses. Independent of the loader."""

    adopted: bool
    """The maps with the counts of an earlier process were taken over; the quiet one may hold a window that it had not cleared yet."""

    def swap(self) -> None:
        """Makes the other map active. Returns when no program uses the old one any more: it is the quiet map from now on."""

    def read(self) -> Drained:
        """The entries of the quiet map. Deletes nothing."""

    def clear(self) -> None:
        """Empties the quiet map."""

    def lost(self) -> tuple[Lost, ...]:
        """One for each reason that ever occurred, cumulative since the programs were attached."""

    def asked(self, now_ns: int) -> Asked:
        """The names that were asked for. Those whose time is over at `now_ns` are forgotten: this was the last time."""

    def active_slot(self) -> int:
        """0 or 1: which map the kernel counts into."""

    def close(self) -> None:
        """Lets go of everything. The programs go on counting."""


class PinnedProbe:
    """A Probe over the pinned set of one cgroup, through bpf(2)."""

    def __init__(self, directory: Path, adopted: bool, map_entries: int, domain_entries: int, lock: int) -> None:
        self.adopted = adopted
        self._entries = map_entries
        self._fds = [lock]
        self._flows = [self._open(directory / name) for name in sources.FLOW_MAPS]
        self._active = self._open(directory / "active")
        self._lost = self._open(directory / "lost")
        self._domains = self._open(directory / "domains") if domain_entries else None
        self._ids = [syscalls.object_id(fd) for fd in self._flows]
        self._slot = self.active_slot()

    def _open(self, path: Path) -> int:
        fd = syscalls.open_pinned(path)
        self._fds.append(fd)
        return fd

    def swap(self) -> None:
        other = 1 - self._slot
        syscalls.map_update(self._active, 0, self._flows[other])
        self._slot = other

    def read(self) -> Drained:
        return Drained(*maps.read_all(self._flows[1 - self._slot], self._entries))

    def clear(self) -> None:
        maps.clear_all(self._flows[1 - self._slot])

    def lost(self) -> tuple[Lost, ...]:
        totals = maps.read_losses(self._lost, len(layout.LOSS_REASONS), syscalls.possible_cpus())
        every = (Lost(reason, *(int(count) for count in row)) for reason, row in zip(layout.LOSS_REASONS, totals, strict=True))
        return tuple(lost for lost in every if lost.packets or lost.events)

    def asked(self, now_ns: int) -> Asked:
        if self._domains is None:
            return NOTHING_ASKED
        keys, values = read_domains(self._domains)
        forget_domains(self._domains, keys[np.maximum(values["expires_ns"], values["contested_until_ns"]) < now_ns])
        return Asked(keys, values)

    def active_slot(self) -> int:
        (active,) = struct.unpack("=I", syscalls.map_lookup(self._active, 0, 4))
        return self._ids.index(active)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


def open_probe(cgroup: Path, *, map_entries: int = MAP_ENTRIES, domain_entries: int = DOMAIN_ENTRIES) -> Probe:
    """Adopts the programs and maps pinned for this cgroup by the same version of weir, or compiles, attaches and pins them anew.

    Without `domain_entries` the programs read no packet's content.

    Raises CaptureError where the kernel, privileges, headers, bpffs or another agent stand in the way, SettingError for a map without room.
    """
    if map_entries < 1:
        raise SettingError(f"a flow map of {map_entries} entries holds nothing: set it to 1 or more")
    if os.geteuid():
        raise CaptureError(f"counting {cgroup} needs root to load BPF programs: run weir with sudo, or replay a recording instead")
    lock = pins.lock(cgroup)
    try:
        directory, adopted = pins.adopt_or_build(cgroup, map_entries, domain_entries)
        return PinnedProbe(directory, adopted, map_entries, domain_entries, lock)
    except BaseException:
        os.close(lock)
        raise


def remove_probe(cgroup: Path, *, force: bool = False) -> None:
    """Detaches the programs and removes the pins, with all they counted; does nothing where there are none.

    Raises CaptureError if another process has them open, unless forced.
    """
    if not pins.home(cgroup).is_dir():
        return
    lock = None if force else pins.lock(cgroup)
    try:
        pins.remove_all(cgroup)
        pins.home(cgroup).rmdir()
    finally:
        if lock is not None:
            os.close(lock)
