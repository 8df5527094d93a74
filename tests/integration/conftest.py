"""What several of these tests run against, beyond the session's broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clickhouse import EngineHost


@pytest.fixture
def away_host(tmp_path: Path) -> Iterator[EngineHost]:
    """An engine that has not been started."""
    server = EngineHost(tmp_path / "engine")
    yield server
    server.kill()


@pytest.fixture
def host(away_host: EngineHost) -> EngineHost:
    """An engine of the test's own, to be killed and started at will."""
    away_host.start()
    return away_host
