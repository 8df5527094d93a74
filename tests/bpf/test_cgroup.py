"""Finding cgroup v2."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpf.cgroup import cgroup_id, find_cgroup2, resolve_cgroup
from bpf.syscalls import possible_cpus
from schemas.errors import CaptureError, SettingError


def mounts(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mounts"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_the_mount_is_found_wherever_it_is(tmp_path: Path) -> None:
    v1 = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0"
    assert find_cgroup2(mounts(tmp_path, v1, "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0")) == Path("/sys/fs/cgroup/unified")
    assert find_cgroup2(mounts(tmp_path, r"none /mnt/a\040place cgroup2 rw 0 0")) == Path("/mnt/a place")


def test_without_cgroup_v2_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no cgroup v2 .*mount -t cgroup2"):
        find_cgroup2(mounts(tmp_path, "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0"))


def test_a_cgroup_is_named_by_path_or_relative_to_the_mount(tmp_path: Path) -> None:
    pod = tmp_path / "node" / "pod"
    pod.mkdir(parents=True)
    for directory in (tmp_path, pod.parent, pod):
        (directory / "cgroup.procs").touch()
    assert resolve_cgroup(None, tmp_path) == resolve_cgroup("", tmp_path) == tmp_path
    assert resolve_cgroup(str(pod), tmp_path) == resolve_cgroup("node/pod", tmp_path) == resolve_cgroup("/node/pod", tmp_path) == pod


@pytest.mark.parametrize("name", ["nobody", "../..", "/etc"])
def test_what_is_no_cgroup_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match=f"no cgroup '{name}'"):
        resolve_cgroup(name, tmp_path)


def test_the_id_is_the_inode(tmp_path: Path) -> None:
    assert cgroup_id(tmp_path) == tmp_path.stat().st_ino
    with pytest.raises(CaptureError, match="gone cannot be read"):
        cgroup_id(tmp_path / "gone")


def test_the_running_system_has_one() -> None:
    assert resolve_cgroup(None) == find_cgroup2()
    assert (find_cgroup2() / "cgroup.procs").exists()


@pytest.mark.parametrize(("text", "count"), [("0\n", 1), ("0-3\n", 4), ("0-3,8\n", 9), ("0,2-5\n", 6)])
def test_possible_cpus(text: str, count: int) -> None:
    assert possible_cpus(text) == count
