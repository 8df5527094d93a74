"""The machine a figure was made on, and what its processes cost."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path

import numpy as np

_TICKS = os.sysconf("SC_CLK_TCK")


def machine() -> str:
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, Linux {platform.release()}"
    return f"Machine: {os.cpu_count()} x {_processor()}; {versions}."


def cpu_seconds(pid: int) -> float:
    """User and system time of a running process, all its threads, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


def ended_children_cpu_seconds() -> float:
    """User and system time of all child processes that have ended and were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
