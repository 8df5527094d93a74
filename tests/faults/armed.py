"""A module run as a program with one failpoint armed: `python -m tests.faults.armed POINT NTH SIGNAL NOTES MODULE ARGUMENTS...`.

The process sends itself the signal at the NTH time that it reaches POINT, having noted the point in the file NOTES. SIGKILL ends
it there; SIGSTOP leaves it between two steps until somebody sends SIGCONT.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path
from signal import Signals

from schemas import failpoints


def armed(point: str, nth: int, signal: Signals, notes: Path, *arguments: str | Path) -> list[str]:
    """The command line of `weir ARGUMENTS` with a failpoint armed."""
    return [sys.executable, "-m", "tests.faults.armed", point, str(nth), signal.name, str(notes), "weir.cli", *map(str, arguments)]


def note(path: str, point: str) -> None:
    """Whole or not at all: one short write to the file's end."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{point}\n".encode())
    os.close(descriptor)


def arm(point: str, nth: int, signal: Signals, notes: str) -> None:
    lock, left = threading.Lock(), nth

    def act(reached: str) -> None:
        nonlocal left
        if reached != point:
            return
        with lock:
            left -= 1
            if left == 0:
                note(notes, point)
                os.kill(os.getpid(), signal)

    failpoints.arm(act)


def main(point: str, nth: str, signal: str, notes: str, module: str, *arguments: str) -> None:
    arm(point, int(nth), Signals[signal], notes)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
