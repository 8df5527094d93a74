"""Where counting is not allowed, a recording is played, and the first line says so."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from tests.demo.running import WINDOW_LINE, ask
from tests.support.processes import WEIR, Child, as_nobody


def test_without_privileges_it_plays_a_recording_and_says_so() -> None:
    data = Path(tempfile.mkdtemp(prefix="weir-demo-"))  # pytest's own directories are closed to others
    try:
        os.chown(data, 65_534, 65_534)
        env = {"XDG_STATE_HOME": str(data / "state"), "HOME": str(data)}
        with Child(
            [*as_nobody(), WEIR, "demo", "--no-console", "--duration", "12", "--data-dir", data / "tables"], name="weir demo", env=env
        ) as demo:
            demo.wait(90)
            first = demo.stdout.splitlines()[0]
            assert "recording" in first and "not root" in first
            assert re.search(WINDOW_LINE, demo.stdout, re.MULTILINE)
        counts = "count() AS flows, uniqExact(window_start) AS windows, countIf(remote_workload = 'postgres') AS named"
        (row,) = ask(data, f"SELECT {counts} FROM weir.flows")  # noqa: S608
        assert row["flows"] > 50 and row["windows"] >= 3 and row["named"] > 0
    finally:
        shutil.rmtree(data)
