"""Who uses a listening socket: the processes that have it open, whichever cgroup made it.

A socket keeps the cgroup of its maker for life, and hands it on to the connections that it accepts. Socket activation
(systemd.socket(5)), a descriptor passed over a Unix socket, and a process that is moved to another cgroup after
listen() part the maker from the user. The user is the one workload of the processes that have the socket open. A
service manager, which keeps a copy of what it passed on, is no user beside others. Several workloads: nobody is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from producers.identity.cgroups import Cgroup
from producers.identity.listeners import Listener

ROUND_LOOKS = 60
"""Every process's descriptors are read again after so many looks: one may have been passed to it at any time."""
DESCRIPTOR_LIMIT = 4_096
"""Of a process with more open files, the lowest are read: a server's listening sockets are among its first."""
_MANAGER = "init.scope"
"""The cgroup in which every systemd, a user's too, keeps itself: systemd.special(7)."""

Descriptors = dict[int, int]
"""Inode of a socket -> a descriptor by which a process has it open."""


@dataclass
class _Process:
    cgroup: Cgroup
    sockets: Descriptors = field(default_factory=dict)
    looks: int = 0


class SocketUsers:
    """Remembers which listening sockets each process had open, so that a look reads few descriptors.

    Read are: processes new at this look or the last one; those of a new socket's maker; those that closed a
    socket; one in ROUND_LOOKS of the rest; all, once, where a socket has nobody otherwise.
    """

    def __init__(self) -> None:
        self._processes: dict[int, _Process] = {}
        self._known: frozenset[int] = frozenset()
        self._nobodys: frozenset[int] = frozenset()
        self._looks = 0
        self._users: dict[int, list[tuple[int, Cgroup]]] = {}
        self._inhabited: frozenset[int] = frozenset()

    def look(self, cgroups: Iterable[Cgroup], listening: Iterable[Listener]) -> None:
        """Finds the users of the sockets in `listening`, among the processes of `cgroups`."""
        makers = {listener.inode: listener.cgroup_id for listener in listening}
        groups = {group.id: group for group in cgroups}
        processes = {pid: group for group in groups.values() for pid in group.pids}
        self._processes = {pid: self._of(pid, group) for pid, group in processes.items()}
        self._inhabited = frozenset(group.id for group in groups.values() if group.pids)
        fresh = {makers[inode] for inode in makers.keys() - self._known}
        self._looks += 1
        read = {pid for pid, process in self._processes.items() if self._is_due(pid, process, fresh)}
        for pid in read:
            self._read(pid, makers)
        if makers.keys() - self._held() - self._nobodys:
            for pid in self._processes.keys() - read:
                self._read(pid, makers)
        self._known = frozenset(makers)
        self._nobodys = self._known - self._held()
        self._users = {}
        for pid, process in self._processes.items():
            process.looks += 1
            for inode in process.sockets.keys() & makers.keys():
                self._users.setdefault(inode, []).append((pid, process.cgroup))

    def user(self, listener: Listener, name: Callable[[int], str]) -> str:
        """The workload that uses a socket of the last look; empty where it cannot be known."""
        holders = self._users.get(listener.inode, [])
        users = [holder for holder in holders if not _is_manager(*holder)] or holders
        if users:
            names = {name(group.id) for _, group in users}
            return names.pop() if len(names) == 1 else ""
        # Nobody seen: closed since, the kernel's own, or held outside the agent's root. A maker that has ended is not the user.
        return name(listener.cgroup_id) if listener.cgroup_id in self._inhabited else ""

    def _of(self, pid: int, group: Cgroup) -> _Process:
        process = self._processes.get(pid) or _Process(group)
        process.cgroup = group
        return process

    def _held(self) -> set[int]:
        return {inode for process in self._processes.values() for inode in process.sockets}

    def _is_due(self, pid: int, process: _Process, makers: set[int]) -> bool:
        if process.looks < 2 or process.cgroup.id in makers or pid % ROUND_LOOKS == self._looks % ROUND_LOOKS:
            return True
        return any(_socket(pid, descriptor) != inode for inode, descriptor in process.sockets.items())

    def _read(self, pid: int, listening: Mapping[int, int]) -> None:
        found: Descriptors = {}
        try:
            with os.scandir(f"/proc/{pid}/fd") as entries:
                for entry in islice(entries, DESCRIPTOR_LIMIT):
                    inode = _socket(pid, int(entry.name))
                    if inode in listening:
                        found[inode] = int(entry.name)
        except OSError:
            pass  # The process has ended, or may not be looked at.
        self._processes[pid].sockets = found


def _is_manager(pid: int, group: Cgroup) -> bool:
    return pid == 1 or group.relative.rpartition("/")[2] == _MANAGER


def _socket(pid: int, descriptor: int) -> int:
    """The inode of the socket behind a descriptor, as proc_pid_fd(5) prints it; 0 for anything else."""
    try:
        target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return 0
    return int(target[8:-1]) if target.startswith("socket:[") else 0
