"""A sink of every kind, empty and migrated."""

from __future__ import annotations

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


@pytest.fixture(params=["chdb", "driver"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    """Both engines take turns."""
    if request.param == "chdb":
        yield from _chdb(tmp_path)
    else:
        yield from _driver(request.getfixturevalue("host"))


@pytest.fixture
def chdb_sink(tmp_path: Path) -> Iterator[Sink]:
    yield from _chdb(tmp_path)


@pytest.fixture
def driver_sink(host: EngineHost) -> Iterator[Sink]:
    yield from _driver(host)


def _chdb(directory: Path) -> Iterator[Sink]:
    opened = open_sink(f"chdb://{directory / 'data'}")
    opened.migrate()
    yield opened
    opened.close()


def _driver(host: EngineHost) -> Iterator[Sink]:
    host.drop_database()
    opened = open_sink(host.url)
    opened.migrate()
    yield opened
    opened.close()
