"""The tests' child processes: awaited by condition, reported on failure, gone at the end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.processes import Child, wait_for, weir_environment

PYTHON = sys.executable


def python(code: str) -> Child:
    return Child([PYTHON, "-c", code], {"window_seconds": 7}, name="child")


def alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_line_is_awaited_and_the_settings_arrive() -> None:
    with python("import os, time; print('window', os.environ['WEIR_WINDOW_SECONDS']); time.sleep(60)") as child:
        assert child.line(r"window (\d+)")[1] == "7"
        assert child.running()
    assert not alive(child.pid)


def test_settings_of_this_process_do_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_REGION", "leaked")
    assert "WEIR_REGION" not in weir_environment({"network": "n"})
    assert weir_environment({"network": "n"})["WEIR_NETWORK"] == "n"


def test_an_early_end_shows_what_the_child_said() -> None:
    with python("import sys; sys.exit('no luck')") as child, pytest.raises(AssertionError, match=r"ended with 1 before.*[\s\S]*no luck"):
        child.line("ready", timeout=20)


def test_a_last_line_counts_even_though_the_child_has_ended() -> None:
    with python("print('done')") as child:
        child.wait()
        assert child.line("done")


def test_the_wrong_status_shows_what_the_child_said() -> None:
    with python("import sys; sys.exit('no luck')") as child, pytest.raises(AssertionError, match=r"ended with 1, not 0[\s\S]*no luck"):
        child.wait()


def test_a_stop_is_a_sigterm() -> None:
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print('up'); time.sleep(60)"
    with python(code) as child:
        child.line("up")
        assert child.stop(status=3) == 3


def test_grandchildren_end_with_the_child() -> None:
    with python("import subprocess, time; print('pid', subprocess.Popen(['sleep', '60']).pid); time.sleep(60)") as child:
        grandchild = int(child.line(r"pid (\d+)")[1])
        assert alive(grandchild)
    wait_for(lambda: not alive(grandchild), 5, "the grandchild to end")


def test_children_do_not_outlive_a_killed_test_run() -> None:
    code = (
        "import time; from tests.support.processes import Child\n"
        "inner = Child(['sleep', '60'], name='inner'); print('pid', inner.pid); time.sleep(60)"
    )
    with python(code) as outer:
        inner = int(outer.line(r"pid (\d+)")[1])
        wait_for(lambda: Path(f"/proc/{inner}/comm").read_text() == "sleep\n", 5, "setpriv to become sleep")
        os.kill(outer.pid, signal.SIGKILL)
        wait_for(lambda: not alive(inner), 5, "the inner child to end")


def test_waiting_names_what_was_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 3)
    with pytest.raises(AssertionError, match="waited 0.3 s for the moon; the last answer was 0"):
        wait_for(lambda: 0, 0.1, "the moon")
