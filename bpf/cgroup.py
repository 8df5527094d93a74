"""Finding cgroup v2 directories and their ids. Files only: no privileges, no BPF."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import CaptureError, SettingError

MOUNTS = Path("/proc/self/mounts")


def find_cgroup2(mounts: Path = MOUNTS) -> Path:
    """The mount point of cgroup v2 (its place differs between unified and hybrid hosts).

    Raises CaptureError where the kernel has none mounted.
    """
    for line in mounts.read_text().splitlines():
        _, where, kind, *_ = line.split(" ")
        if kind == "cgroup2":
            return Path(where.encode().decode("unicode_escape"))  # spaces stand as \040
    raise CaptureError(
        f"no cgroup v2 is mounted according to {mounts}: run 'mount -t cgroup2 none /sys/fs/cgroup/unified' or boot with cgroup v2"
    )


def resolve_cgroup(text: str | Path | None, mount: Path | None = None) -> Path:
    """The directory that a setting means: an existing path as it is, a path relative to the mount, or the root for none.

    Raises SettingError if there is no such cgroup v2.
    """
    root = find_cgroup2() if mount is None else mount
    if text is None or not str(text):
        return root
    given = Path(text)
    for path in (given, root / str(text).lstrip("/")):
        if (path / "cgroup.procs").is_file() and path.resolve().is_relative_to(root.resolve()):
            return path.resolve()
    raise SettingError(f"there is no cgroup '{text}' under {root}: name an existing cgroup v2 directory, or create it with mkdir")


def cgroup_id(path: Path) -> int:
    """The id by which the kernel knows a cgroup: the inode number of its directory."""
    try:
        return path.stat().st_ino
    except OSError as error:
        raise CaptureError(f"the cgroup {path} cannot be read ({error.strerror}): name a cgroup that exists") from error
