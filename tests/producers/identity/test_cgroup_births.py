"""Cgroups that come and go are told by the kernel, on the real file system of cgroups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpf.cgroup import find_cgroup2
from producers.identity import cgroup_births
from producers.identity.cgroup_births import CgroupBirths
from tests.support.processes import wait_for


@pytest.fixture
def root() -> Iterator[Path]:
    top = find_cgroup2() / f"weir-births-{os.getpid()}"
    top.mkdir()
    yield top
    for folder, _, _ in os.walk(top, topdown=False):
        Path(folder).rmdir()


@pytest.fixture
def births(root: Path) -> Iterator[CgroupBirths]:
    (root / "old").mkdir()
    watch = CgroupBirths(root)
    watch.start()
    yield watch
    watch.close()


def made(path: Path) -> int:
    path.mkdir()
    return path.stat().st_ino


def told(births: CgroupBirths) -> dict[int, str]:
    return {birth.id: birth.relative for birth in births.drain()}


def test_what_was_there_before_is_no_birth(births: CgroupBirths) -> None:
    assert told(births) == {} and births.watched == 2


def test_a_tree_that_grows_is_told_with_ids_and_paths(births: CgroupBirths, root: Path) -> None:
    expected = {made(root / path): path for path in ("pod1", "pod1/a", "pod1/a/deep", "old/b")}
    assert told(births) == expected and told(births) == {}
    assert births.watched == 6


def test_what_is_gone_before_anybody_looks_is_told(births: CgroupBirths, root: Path) -> None:
    expected = {}
    for number in range(20):
        for path in (f"pod{number}", f"pod{number}/c"):
            expected[made(root / path)] = path
        wait_for(lambda: expected.keys() == births._births.keys(), 10, "the pod's birth", 0.001)
        (root / f"pod{number}/c").rmdir()
        (root / f"pod{number}").rmdir()
    assert told(births) == expected and births.missed == 0
    assert births.watched == 2, "the watch of a cgroup that is gone is given back"


def test_what_is_gone_while_it_is_noted_is_not_missed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`early` goes after its number was read; `inner` is found by the walk of `outer`, and goes before the event that tells it again."""
    births = CgroupBirths(root)
    expected = {made(root / path): path for path in ("early", "outer")}
    walk = os.scandir

    def meanwhile(path: str) -> object:
        if path.endswith("early"):
            os.rmdir(path)
        elif path.endswith("outer"):
            expected[made(root / "outer/inner")] = "outer/inner"
        elif path.endswith("inner"):
            os.rmdir(path)
        return walk(path)

    try:
        with monkeypatch.context() as patched:
            patched.setattr("os.scandir", meanwhile)
            found = told(births)
        assert found == expected and len(found) == 3 and births.missed == 0
        with births._lock:
            births._enter("never")
        assert births.missed == 1
    finally:
        births.close()


def test_a_path_used_again_is_another_cgroup(births: CgroupBirths, root: Path) -> None:
    first = made(root / "job")
    wait_for(lambda: births.kept == 1, 10, "the job's birth")
    (root / "job").rmdir()
    second = made(root / "job")
    third = made(root / "job/inner")
    assert told(births) == {first: "job", second: "job", third: "job/inner"}


def test_lost_events_lead_to_a_whole_walk(births: CgroupBirths, root: Path) -> None:
    (root / "gone").mkdir()
    told(births)
    with births._lock:
        expected = {made(root / path): path for path in ("new", "new/inner")}
        (root / "gone").rmdir()
        os.read(births._inotify, 65_536)  # the events, lost
        births._take(-1, cgroup_births._OVERFLOW, "")
    found = told(births)
    assert expected.items() <= found.items()
    assert births.watched == 4
    assert made(root / "new/later") in told(births)


def test_more_births_and_watches_than_have_room(root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(cgroup_births, "BIRTH_LIMIT", 3)
    monkeypatch.setattr(cgroup_births, "WATCH_LIMIT", 3)
    births = CgroupBirths(root)
    births.start()
    for number in range(6):
        (root / f"pod{number}").mkdir()
    assert len(births.drain()) == 3 and births.missed == 3 and births.watched == 3
    births.close()
    assert caplog.text.count("are watched already") == 1


def test_a_kernel_that_gives_no_instance(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        @staticmethod
        def inotify_init1(flags: int) -> int:
            return -1

    monkeypatch.setattr(cgroup_births, "_libc", Refusing)
    with pytest.raises(OSError, match="."):
        CgroupBirths(root)
