"""The cgroups below the agent's root: their kernel ids, paths and processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cgroup:
    """`id` is what the kernel reports for a socket: the directory's inode number. `relative` is "" for the root.

    `born_ns`: wall time of its making, or later: when it was last moved, or brought back into the kernel's memory.
    """

    id: int
    relative: str
    pids: tuple[int, ...]
    born_ns: int = 0


def walk(root: Path) -> Iterator[Cgroup]:
    """Every cgroup of the subtree, the root first. What vanishes on the way is passed over."""
    pending = [""]
    base = os.fspath(root)
    while pending:
        relative = pending.pop()
        path = os.path.join(base, relative) if relative else base
        try:
            status = os.stat(path)
            # cgroupfs keeps the link count at 2 + children: a leaf need not be listed, and most are leaves.
            children = [] if status.st_nlink == 2 else _children(path)
        except OSError:
            continue
        pending.extend(f"{relative}/{child}" if relative else child for child in children)
        yield Cgroup(status.st_ino, relative, _pids(path), status.st_ctime_ns)


def _children(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return sorted((entry.name for entry in entries if entry.is_dir(follow_symlinks=False)), reverse=True)


def _pids(path: str) -> tuple[int, ...]:
    """The processes in this very cgroup. A threaded cgroup refuses the question: its processes are its parent's."""
    try:
        with open(f"{path}/cgroup.procs", "rb") as file:
            return tuple(int(line) for line in file.read().split() if line != b"0")
    except OSError:
        return ()
