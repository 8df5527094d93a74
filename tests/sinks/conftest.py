"""A sink of every kind, empty and migrated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.base import Sink
from sinks.open import open_sink
from tests.support.clickhouse import EngineHost

PASSWORD = "s3cret/@:"  # noqa: S105 - what an address must escape


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHost]:
    """The engine behind the native protocol, for the whole session: drop what you make."""
    with EngineHost(tmp_path_factory.mktemp("engine"), password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with all tables, empty, to be copied: to make them anew takes five times as long. `test_migrate` makes them."""
    directory = tmp_path_factory.mktemp("migrated") / "data"
    made = open_sink(f"chdb://{directory}")
    made.migrate()
    made.close()
    return directory


@pytest.fixture(params=["chdb", "driver"])
def sink(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> Iterator[Sink]:
    """Both engines take turns."""
    if request.param == "chdb":
        yield from _chdb(migrated, tmp_path / "data")
    else:
        yield from _driver(migrated, request.getfixturevalue("host"))


@pytest.fixture
def chdb_sink(migrated: Path, tmp_path: Path) -> Iterator[Sink]:
    yield from _chdb(migrated, tmp_path / "data")


@pytest.fixture
def driver_sink(migrated: Path, host: EngineHost) -> Iterator[Sink]:
    yield from _driver(migrated, host)


def _chdb(migrated: Path, directory: Path) -> Iterator[Sink]:
    shutil.copytree(migrated, directory, symlinks=True)
    opened = open_sink(f"chdb://{directory}")
    yield opened
    opened.close()


def _driver(migrated: Path, host: EngineHost) -> Iterator[Sink]:
    host.restart_over(migrated)
    opened = open_sink(host.url)
    yield opened
    opened.close()
