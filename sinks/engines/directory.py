"""Who holds a chDB data directory: one process at a time, by a lock that ends with the process."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path

from schemas.errors import SettingError, WeirError
from schemas.private_files import private_directory

LOCK_NAME = "weir.lock"


class Held(WeirError):
    """Another process has the directory open."""


class DirectoryLock:
    """Taken when made; raises `Held` when somebody has it, `SettingError` when the directory cannot be used."""

    def __init__(self, directory: Path) -> None:
        self._file = _open(directory)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 400, 0).decode(errors="replace").strip() or "a process that did not say its name"
            os.close(self._file)
            raise Held(f"the data directory {directory} is held by {holder}: stop it, or use another directory.") from None
        os.ftruncate(self._file, 0)
        with suppress(OSError):  # a full disk: who asks is told less, and the lock holds all the same
            os.pwrite(self._file, _describe_self().encode(), 0)

    def release(self) -> None:
        """Gives the directory free. The file stays: removing it would let two processes lock two files of one name."""
        os.ftruncate(self._file, 0)
        os.close(self._file)


def _open(directory: Path) -> int:
    try:
        private_directory(directory, LOCK_NAME)
        return os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = f"the data directory {directory} cannot be used ({error.strerror})"
        raise SettingError(f"{reason}: name one that this user may write to.") from error


def _describe_self() -> str:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
    return f"process {os.getpid()} ({command})"
