"""What a running agent costs, by the kernel's own accounts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bpf import pins, sources, syscalls

_ENABLE_STATS = 32


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU, user and system together: how they split is known by sampling only, too coarse for so little.

    `wakes`: how often a thread slept and woke.
    """

    total: float
    wakes: int

    def __sub__(self, before: Cost) -> Cost:
        return Cost(self.total - before.total, self.wakes - before.wakes)


def cost(pid: int) -> Cost:
    ran = wakes = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        ran += int((task / "schedstat").read_text().split()[0])
        wakes += _number((task / "status").read_text(), "voluntary_ctxt_switches")
    return Cost(ran / 1e9, wakes)


def cpu_with_children(pid: int) -> float:
    """Seconds of CPU of a process, before and after its exec, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def wakes_by_thread(pid: int) -> dict[str, int]:
    """Thread id and name to how often it slept and woke."""
    return {
        f"{task.name} {(task / 'comm').read_text().strip()}": _number((task / "status").read_text(), "voluntary_ctxt_switches")
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


@dataclass(frozen=True)
class Memory:
    """Bytes: resident; what no other process shares (anonymous or its own copies); its peak."""

    resident: int
    private: int
    anonymous: int
    peak: int


def memory(pid: int) -> Memory:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = _number(rollup, "Private_Clean") + _number(rollup, "Private_Dirty")
    peak = _number(Path(f"/proc/{pid}/status").read_text(), "VmHWM")
    return Memory(_number(rollup, "Rss") * 1024, private * 1024, _number(rollup, "Anonymous") * 1024, peak * 1024)


def _number(text: str, name: str) -> int:
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


@dataclass(frozen=True)
class Runs:
    """A program's runs and the time they took, while statistics were kept."""

    count: int
    nanoseconds: int

    def __sub__(self, before: Runs) -> Runs:
        return Runs(self.count - before.count, self.nanoseconds - before.nanoseconds)

    def __add__(self, other: Runs) -> Runs:
        return Runs(self.count + other.count, self.nanoseconds + other.nanoseconds)


def program_runs(cgroup: Path) -> dict[str, Runs]:
    found = {}
    for name in sources.PROGRAMS:
        (path,) = pins.home(cgroup).glob(f"*/{name}")
        fd = syscalls.open_pinned(path)
        info = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
        os.close(fd)
        found[name] = Runs(int(info["run_cnt"]), int(info["run_time_ns"]))
    return found


@contextmanager
def bpf_statistics() -> Iterator[None]:
    """The kernel times every BPF program meanwhile, which costs each run 70 to 95 ns more; no crash leaves it on."""
    fd = syscalls._bpf(_ENABLE_STATS, bytearray(4))
    try:
        yield
    finally:
        os.close(fd)


def is_attached(cgroup: Path) -> bool:
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return bool(syscalls.attached(fd, syscalls.CGROUP_EGRESS)) and bool(syscalls.attached(fd, syscalls.CGROUP_SOCK_OPS))
    finally:
        os.close(fd)
