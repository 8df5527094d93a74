"""Files for their owner alone: 0700 for directories, 0600 for files, whatever the umask of the caller."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def restrict_umask() -> None:
    """Called once by each program: files that libraries make (the ClickHouse engine, SQLite) are their owner's alone, too."""
    os.umask(OTHERS)


def private_directory(directory: Path, mark: str = "") -> None:
    """Makes the directory and its missing parents with 0700. Raises OSError.

    One that is there is closed to others where it is this user's and is empty or holds `mark`, the name of a file by which weir
    recognises its own. Without a mark it is weir's in any case. Another's directory (/tmp, a home) keeps its mode.
    """
    if directory.is_dir():
        _close(directory, mark)
        return
    for missing in reversed([directory, *(parent for parent in directory.parents if not parent.exists())]):
        missing.mkdir(mode=0o700, exist_ok=True)


def create_private(path: Path) -> None:
    """An empty file with 0600 where there is none yet, which a power cut leaves there. Raises OSError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fsync(directory)
    os.close(directory)


def _close(directory: Path, mark: str) -> None:
    found = directory.stat()
    if not found.st_mode & OTHERS or found.st_uid != os.geteuid():
        return
    if not mark or (directory / mark).exists() or not any(directory.iterdir()):
        directory.chmod(0o700)
