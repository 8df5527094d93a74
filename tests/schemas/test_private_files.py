"""Directories and files of weir are their owner's alone under any umask, and nobody else's directory is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.private_files import create_private, private_directory, restrict_umask


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_directory_and_its_missing_parents_are_private(tmp_path: Path) -> None:
    before = mode(tmp_path)
    private_directory(tmp_path / "a" / "b")
    assert (mode(tmp_path), mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (before, 0o700, 0o700)


def test_one_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o755)
    (tmp_path / "state" / "journal").touch()
    private_directory(tmp_path / "state")
    assert mode(tmp_path / "state") == 0o700


@pytest.mark.parametrize(("holds", "closed"), [("", True), ("lock", True), ("somebody's", False)])
def test_with_a_mark_only_weirs_own_is_closed(tmp_path: Path, holds: str, closed: bool) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    directory.chmod(0o755)
    if holds:
        (directory / holds).touch()
    private_directory(directory, "lock")
    assert (mode(directory) == 0o700) is closed


def test_a_file_is_private(tmp_path: Path) -> None:
    create_private(tmp_path / "outbox.db")
    assert mode(tmp_path / "outbox.db") == 0o600


def test_what_others_make_after_it_is_private(tmp_path: Path) -> None:
    restrict_umask()
    (tmp_path / "a").mkdir()
    (tmp_path / "f").write_text("x")
    assert (mode(tmp_path / "a"), mode(tmp_path / "f")) == (0o700, 0o600)
