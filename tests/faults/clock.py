"""A module run as a program whose clock can be set: `python -m tests.faults.clock FILE MODULE ARGUMENTS...`.

At SIGUSR2 the process reads from FILE by how many seconds its clock is off from then on, and says so on stderr. The clock of the
machine is everybody's, and no namespace has one of its own, so that this is a stand-in: what Python asks of the wall clock is off,
the monotonic clock is not, and a library that asks the kernel by itself (librdkafka stamps messages) keeps the machine's time.
"""

from __future__ import annotations

import runpy
import signal
import sys
import time
from pathlib import Path

from tests.support.processes import Child

SET = "the clock is off by {} s"
_seconds, _nanoseconds = time.time, time.time_ns


def set_clock(child: Child, file: Path, seconds: int) -> None:
    """Returns when the child's clock is off by so many seconds."""
    file.write_text(str(seconds))
    said = child.stderr.count(SET.format(seconds))
    child.signal(signal.SIGUSR2)
    child.until(lambda: child.stderr.count(SET.format(seconds)) > said, 10, "a clock that is set")


def _install(file: Path) -> None:
    off = 0

    def read(*_: object) -> None:
        nonlocal off
        off = int(file.read_text())
        sys.stderr.write(SET.format(off) + "\n")

    time.time = lambda: _seconds() + off
    time.time_ns = lambda: _nanoseconds() + off * 1_000_000_000
    signal.signal(signal.SIGUSR2, read)


def main(file: str, module: str, *arguments: str) -> None:
    _install(Path(file))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
