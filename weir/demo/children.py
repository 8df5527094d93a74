"""Child processes of the demo (`weir agent`, `weir worker`): start, watch, stop, and the last line of their log."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

from schemas.errors import WeirError

REMEMBERED_LINES = 12


class ChildFailed(WeirError):
    """A part of the demo ended or could not do its work. Carries the part's last lines."""


class Child:
    """One `weir` command in a process group of its own, so that the terminal's Ctrl-C reaches the conductor alone.

    It gets SIGTERM when the conductor dies, however that happens. Its output is kept by the last lines only, unless `echo`
    asks for all of it on stderr.
    """

    def __init__(self, name: str, arguments: Sequence[str], settings: Mapping[str, str], echo: bool = False) -> None:
        self.name = name
        self._lines: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._echo = echo
        self._process = subprocess.Popen(  # noqa: S603 weir itself
            [*_tied_to_this_process(), sys.executable, "-m", "weir.cli", *arguments],
            env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        assert self._process.stdout is not None  # noqa: S101 for the type checker
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name=f"output of {name}", daemon=True)
        self._reader.start()

    def check(self) -> None:
        """Raises ChildFailed if the child has ended by itself."""
        if self._process.poll() is not None:
            raise self.failed(f"ended with status {self._process.returncode}")

    def wait(self, seconds: float) -> None:
        """Waits for a child that is meant to end; raises ChildFailed if it fails or takes longer."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failed(f"did not end within {seconds:g} s") from None
        if status:
            raise self.failed(f"ended with status {status}")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def terminate(self) -> None:
        """Asks the child to end cleanly."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def close(self, patience: float = 5.0) -> None:
        """Ends the child, by force if need be, and reaps it. Safe to call twice."""
        self.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(1.0)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()

    def failed(self, what: str) -> ChildFailed:
        """The error that names this child, what became of it, and its last line."""
        if not self.running:
            self._reader.join(1.0)
        last = self._lines[-1].rstrip(".") if self._lines else "it said nothing"
        return ChildFailed(f"{self.name} {what} ({last}): run it again with --log-level debug to see all that it says.")

    def _read(self, output: TextIO) -> None:
        for line in output:
            text = line.rstrip()
            if text:
                self._lines.append(text)
            if self._echo:
                sys.stderr.write(f"{self.name}: {text}\n")


def _tied_to_this_process() -> list[str]:
    """The command that has the kernel send SIGTERM when this process dies. Without it (not Linux as we know it): nothing."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
