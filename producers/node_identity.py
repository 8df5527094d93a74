"""Who this agent is: a node id that outlives reboots, and the kernel's boot id, which does not."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

from producers.identity.name_rules import clean
from producers.spool.atomic_write import write_file
from schemas.errors import SettingError
from schemas.private_files import private_directory

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PATIENCE_SECONDS = 5.0
"""For the agent before, which was killed a moment ago and is still on its way out."""


def boot_id() -> str:
    return BOOT_ID.read_text().strip()


def node_id(given: str | None, state_dir: Path) -> str:
    """The setting if there is one; else the id kept in the state directory, made there the first time."""
    if given:
        return given
    path = state_dir / "node_id"
    try:
        kept = path.read_text().strip() if path.exists() else ""
        if not kept:
            kept = f"{clean(socket.gethostname())[:200]}-{os.urandom(4).hex()}"
            write_file(path, f"{kept}\n".encode())
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(state_dir, error) from error
    return kept


def claim_state_dir(state_dir: Path, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Makes the directory and takes its lock: a descriptor to keep open. Raises SettingError if another agent keeps it for so long."""
    try:
        private_directory(state_dir, "lock")
        lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(state_dir, error) from error
    deadline = time.monotonic() + patience_seconds
    while not _locked(lock):
        if time.monotonic() > deadline:
            os.close(lock)
            raise SettingError(f"State directory {state_dir} is in use by another agent; give each its own WEIR_STATE_DIR.")
        time.sleep(0.05)
    return lock


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unusable(state_dir: Path, error: Exception) -> SettingError:
    reason = getattr(error, "strerror", None) or str(error)
    return SettingError(f"State directory {state_dir} cannot be used ({reason}); make it writable, or set WEIR_STATE_DIR to one that is.")
