"""Signals that come at a bad moment, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.processes import PATIENCE

BEGIN = """
import os, signal, sys, time
from weir import signals
stop = signals.stop_on_signals()
def tell(number=signal.SIGTERM): os.kill(os.getpid(), number)
"""
END = """
print("stopped" if stop.wait(20) else "not told")
"""


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("tell()", id="one"),
        pytest.param("tell(signal.SIGINT)", id="Ctrl-C"),
        pytest.param("with stop._cond: tell()", id="while the main thread is inside wait()"),
        pytest.param("for _ in range(20): tell()", id="a parent with many threads is killed"),
    ],
)
def test_a_signal_stops_whatever_it_interrupts(moment: str) -> None:
    assert run(f"{BEGIN}{moment}{END}") == (0, "stopped\n")


def test_it_is_known_at_once_before_any_other_thread_runs() -> None:
    assert run(f"{BEGIN}sys.setswitchinterval(10)\ntell()\nprint(stop.is_set())") == (0, "True\n")


def test_a_later_one_interrupts() -> None:
    later = "signals.HURRY_SECONDS = 0\ntell()\nstop.wait(20)\ntry: tell()\nexcept KeyboardInterrupt: print('at once')"
    assert run(f"{BEGIN}{later}") == (0, "at once\n")


def run(program: str) -> tuple[int, str]:
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
    return ended.returncode, ended.stdout
