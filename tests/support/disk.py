"""A small disk of a test's own that can be full: a tmpfs, made as small as what it holds and larger again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType

from tests.support.processes import wait_for

ROOM = "25%"
"""Of the machine's memory at most; what is not written costs nothing."""
TOO_LITTLE = 900 * 1024
"""For an engine that begins nothing with less than a mebibyte, and enough for a small part that it is just writing. Taken away from under
its hands, the last bytes are missed by nobody: the engine (26.9) goes on with a part whose marks are an empty file.
"""


class SmallDisk:
    """Mounted at `path` while it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, spare: int = 0) -> None:
        """No more than `spare` bytes are free from now on; what is deleted makes room again, until it is filled again."""
        wait_for(lambda: self._shrunk(spare), 10, f"{self.path} to be full")

    def relieve(self) -> None:
        self._mount("-o", f"remount,size={ROOM}")

    def _shrunk(self, spare: int) -> bool:
        """False where it grew meanwhile."""
        found = os.statvfs(self.path)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize + spare
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
