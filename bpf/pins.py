"""Where the kernel side lives while no process holds it: /sys/fs/bpf/weir/<cgroup id>/<stamp>/.

The stamp names the build. A directory gets its final name only when all in it is pinned and attached: a half-made one is never adopted.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from bpf import sources, syscalls
from bpf.cgroup import cgroup_id
from bpf.compiler import ATTACHMENTS, compile_in_child
from schemas.errors import CaptureError

BPFFS = Path("/sys/fs/bpf")


def home(cgroup: Path) -> Path:
    """The directory of one cgroup's pins."""
    return BPFFS / "weir" / str(cgroup_id(cgroup))


def lock(cgroup: Path) -> int:
    """Makes the cgroup's directory and locks it; returns the descriptor that holds the lock.

    Raises CaptureError if another process counts this cgroup, or bpffs is not to be had.
    """
    directory = home(cgroup)
    try:
        ensure_bpffs()
        directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CaptureError(f"the pins of {cgroup} cannot be kept in {directory} ({error.strerror}): run as root") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise CaptureError(f"another process already counts {cgroup}: stop that agent first or choose another cgroup") from error
    return fd


def ensure_bpffs() -> None:
    """Mounts bpffs where it is not; raises CaptureError with the command otherwise."""
    if any(f" {BPFFS} bpf " in line for line in Path("/proc/self/mounts").read_text().splitlines()):
        return
    import shutil  # Neither module is wanted again in the agent's life.
    import subprocess

    mount = shutil.which("mount") or "/bin/mount"
    done = subprocess.run([mount, "-t", "bpf", "bpf", str(BPFFS)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise CaptureError(f"no bpffs is mounted at {BPFFS}: run 'mount -t bpf bpf {BPFFS}' as root")


def adopt_or_build(cgroup: Path, map_entries: int, domain_entries: int) -> tuple[Path, bool]:
    """The directory of pins to use, and whether it was there and at work already. The caller holds the lock."""
    wanted = home(cgroup) / sources.stamp(map_entries, domain_entries)
    if wanted.is_dir() and _at_work(cgroup, wanted, sources.maps(domain_entries)):
        return wanted, True
    remove_all(cgroup)
    making = wanted.with_name(f"{wanted.name}-new")  # bpffs takes no dots
    making.mkdir()
    try:
        compile_in_child(cgroup, making, map_entries, domain_entries)
    except BaseException:
        remove_all(cgroup)
        raise
    making.rename(wanted)
    return wanted, False


def _at_work(cgroup: Path, pins: Path, maps: tuple[str, ...]) -> bool:
    """Are all pins there and all programs still attached to this cgroup?"""
    cgroup_fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if any(not (pins / name).exists() for name in maps):
            return False
        wanted = {name: kind for name, kind in ATTACHMENTS.items() if name in sources.PROGRAMS or (pins / name).exists()}
        return all(_pinned_id(pins / name) in syscalls.attached(cgroup_fd, kind) for name, kind in wanted.items())
    except OSError:
        return False
    finally:
        os.close(cgroup_fd)


def _pinned_id(path: Path) -> int:
    fd = syscalls.open_pinned(path)
    try:
        return syscalls.object_id(fd)
    finally:
        os.close(fd)


def remove_all(cgroup: Path) -> None:
    """Detaches whatever is pinned for this cgroup, by whichever version, and removes the pins."""
    cgroup_fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for pins in [path for path in home(cgroup).iterdir() if path.is_dir()]:
            for name, kind in ATTACHMENTS.items():
                _detach(cgroup_fd, pins / name, kind)
            for path in list(pins.iterdir()):
                path.unlink()
            pins.rmdir()
    finally:
        os.close(cgroup_fd)


def _detach(cgroup_fd: int, path: Path, kind: int) -> None:
    with suppress(FileNotFoundError):
        fd = syscalls.open_pinned(path)
        try:
            syscalls.detach(cgroup_fd, fd, kind)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINVAL):  # not attached: as wanted
                raise
        finally:
            os.close(fd)
