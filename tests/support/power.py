"""A disk of a test's own that can lose power: what was not synced is gone, as the file system itself leaves it.

An ext4 file system on a loop device over a file. What programs write stays in the kernel's memory until somebody syncs it or the kernel
gets to it, half a minute later: the file holds what a disk would. A copy of the file, mounted, is the disk after the power came back.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType

_SIZE = "1G"
_FORGETFUL = "noauto_da_alloc,commit=600"
"""Nothing becomes durable by itself: no journal commit for ten minutes, no flush for a file that replaces another."""


class ForgetfulDisk:
    """Mounted at `path` while it is open. Whoever writes there must be gone before the power is cut: a cut takes no time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mounted"
        self._folder = folder
        self._images = 0

    @property
    def _image(self) -> Path:
        return self._folder / f"image-{self._images}"

    def cut(self) -> None:
        """The power goes, and comes back: `path` shows what was durable at this moment."""
        after = self._folder / f"image-{self._images + 1}"
        _run("cp", "--sparse=always", self._image, after)
        _run("umount", "--lazy", self.path)
        self._images += 1
        self._mount()

    def _mount(self) -> None:
        _run("mount", "-o", f"loop,{_FORGETFUL}", self._image, self.path)

    def __enter__(self) -> ForgetfulDisk:
        self.path.mkdir(parents=True)
        _run("truncate", "--size", _SIZE, self._image)
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._image)
        self._mount()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=False)
        for image in self._folder.glob("image-*"):
            image.unlink()


def _run(program: str, *arguments: str | Path) -> None:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert found is not None, f"{program} is missing: apt-get install e2fsprogs mount"
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr.strip()} (a disk that loses power needs root and loop devices)"
