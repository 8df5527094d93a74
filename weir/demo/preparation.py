"""The tables are made ready beside what else is set up: `weir.demo.prepare` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from weir.demo.children import ChildFailed

TABLES_SECONDS = 60.0


class Preparation:
    """Creates or upgrades the tables of a data directory, from construction on."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        command = [sys.executable, "-m", "weir.demo.prepare", f"chdb://{data_dir}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]  # noqa: S603 weir itself

    def log_starts(self) -> dict[int, int]:
        """Waits until the tables are ready. Partition -> where the last demo's log ended. Raises ChildFailed."""
        try:
            out, said = self._process.communicate(timeout=TABLES_SECONDS)
        except subprocess.TimeoutExpired:
            raise ChildFailed(f"the tables in {self._data_dir} were not ready within {TABLES_SECONDS:g} s: is the disk busy?") from None
        if status := self._process.returncode:
            words = said.strip().splitlines()
            raise ChildFailed(words[-1] if words else f"the tables in {self._data_dir} could not be made ready (status {status})")
        return {int(partition): start for partition, start in json.loads(out.splitlines()[-1]).items()}

    def close(self) -> None:
        """Ends it, should it still run. Safe to call twice."""
        with self._process:
            self._process.kill()
