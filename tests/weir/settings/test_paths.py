"""The last demo's tables are found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import SettingError
from sinks.engines.url import parse_url
from weir.settings.paths import default_clickhouse_url, last_data_dir, remember_data_dir


def test_without_a_demo_the_way_out_is_said() -> None:
    assert last_data_dir() is None
    with pytest.raises(SettingError, match=r"WEIR_CLICKHOUSE_URL is empty .*`weir demo`"):
        default_clickhouse_url()


def test_the_newest_directory_is_remembered(tmp_path: Path) -> None:
    for name in ("first", "second with space and %41"):
        (tmp_path / name).mkdir()
        remember_data_dir(tmp_path / name)
    assert last_data_dir() == tmp_path / "second with space and %41"
    assert parse_url(default_clickhouse_url()) == tmp_path / "second with space and %41"


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    remember_data_dir(tmp_path / "gone")
    with pytest.raises(SettingError, match=f"{tmp_path / 'gone'} is gone"):
        default_clickhouse_url()
