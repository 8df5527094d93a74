"""CPU time by thread, as a Prometheus metric: what of a worker is its own, what Kafka's clients cost, and what the engine inside it.

Read from the kernel whenever somebody asks, so that it costs nothing otherwise. A thread that has ended takes its time with it, except
in `other`, which is what the process has used besides the rest: the engine's threads where the engine is inside, those of columns'
libraries, and whatever has ended.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_TASKS = Path("/proc/self/task")
_TICKS = os.sysconf("SC_CLK_TCK")
_LIBRDKAFKA = "rdk:"
OTHER = "other"


def cpu_by_part() -> dict[str, float]:
    """Seconds by part: `loop` (Faust, decoding), `consumer` (aiokafka), `learner`, `blocks`, `librdkafka`, `other`."""
    used = time.process_time()
    parts_of = {thread.native_id: _part(thread.name) for thread in threading.enumerate()}
    seconds: dict[str, float] = {}
    for task in _TASKS.iterdir():
        with suppress(OSError):  # a thread that has just ended
            part = parts_of.get(int(task.name)) or ("librdkafka" if _comm(task).startswith(_LIBRDKAFKA) else "")
            if part:
                seconds[part] = seconds.get(part, 0.0) + _cpu_seconds(task)
    seconds[OTHER] = max(0.0, used - sum(seconds.values()))
    return seconds


class ThreadTimes(Collector):
    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily("weir_thread_cpu_seconds", "CPU time of the worker's threads, by part.", labels=["part"])
        if _TASKS.is_dir():
            for part, seconds in cpu_by_part().items():
                family.add_metric([part], seconds)
        yield family


def expose() -> None:
    """Once a process."""
    REGISTRY.register(ThreadTimes())


def _part(name: str) -> str:
    if name == "MainThread":
        return "loop"
    if name.startswith("asyncio_"):
        return "blocks"
    return name if name in ("consumer", "learner") else ""


def _cpu_seconds(task: Path) -> float:
    """User and system time, to a hundredth of a second."""
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _comm(task: Path) -> str:
    return (task / "comm").read_text()
