"""Since when each network namespace has been one workload's, as far as two looks and its processes prove.

A namespace that was the workload's at the last look and is so now has been its own in between. Otherwise its oldest
process there speaks for it, if that began after the last look: an older one came in at a time that nobody knows.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from producers.identity.creation_times import HUNDREDTH_NS, now_ns, process_since, wall_since

_SO_NETNS_COOKIE = 71


@dataclass(frozen=True)
class Occupant:
    """A process, and when its cgroup was made (wall time): it cannot have been that workload's before."""

    pid: int
    cgroup_born_ns: int

    def since(self) -> int:
        return max(process_since(self.pid), wall_since(self.cgroup_born_ns))


class Tenancies:
    """Remembers the last look's. Call `begin` once a look, then `since` for each namespace that one workload has to itself."""

    def __init__(self) -> None:
        self._before: dict[tuple[int, str], int] = {}
        self._now: dict[tuple[int, str], int] = {}
        self._looked_ns = self._begun_ns = now_ns()

    def begin(self) -> None:
        self._before, self._now = self._now, {}
        self._looked_ns, self._begun_ns = self._begun_ns, now_ns()

    def since(self, cookie: int | None, workload: str, occupants: Iterable[Occupant]) -> int:
        """CLOCK_MONOTONIC nanoseconds; now, if nothing is known. `cookie`: the kernel's name for the namespace, never used twice."""
        known = None if cookie is None else self._before.get((cookie, workload))
        if known is None:
            known = min((occupant.since() for occupant in occupants), default=0)
            known = known if known > self._looked_ns + HUNDREDTH_NS else now_ns()
        if cookie is not None:
            self._now[cookie, workload] = known
        return known


def namespace_cookie() -> int | None:
    """Of the calling thread's network namespace; None before Linux 5.14."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as own:
        try:
            return int(struct.unpack("=Q", own.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8))[0])
        except OSError:
            return None
