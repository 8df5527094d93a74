"""A disk that forgets what was not synced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.power import ForgetfulDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[ForgetfulDisk]:
    with ForgetfulDisk(tmp_path / "disk") as made:
        yield made
