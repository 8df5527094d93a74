"""A small disk of a test's own that can be full: a tmpfs, made as small as what it holds and larger again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType

from tests.support.processes import wait_for

ROOM = "25%"
"""Of the machine's memory at most; what is not written costs nothing."""


class SmallDisk:
    """Mounted at `path` while it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Not a page is free from now on; what is deleted makes room again, until it is filled again."""
        wait_for(self._shrunk, 10, f"{self.path} to be full")

    def relieve(self) -> None:
        self._mount("-o", f"remount,size={ROOM}")

    def _shrunk(self) -> bool:
        """False where it grew meanwhile."""
        found = os.statvfs(self.path)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        done = subprocess.run(["mount", "-o", f"remount,size={used}", self.path], capture_output=True, check=False)
        return done.returncode == 0

    def _mount(self, *arguments: str | Path) -> None:
        done = subprocess.run(["mount", *arguments, self.path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"mount: {done.stderr.strip()} (the tests that fill a disk need root)"

    def __enter__(self) -> SmallDisk:
        self.path.mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={ROOM},mode=755", "weir-small-disk")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)
