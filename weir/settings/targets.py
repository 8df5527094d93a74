"""Which tables a command speaks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weir.settings.paths import default_clickhouse_url

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings


def clickhouse_url(settings: Settings) -> str:
    """The ClickHouse in force: the setting, or the last demo's data directory. SettingError where there is neither."""
    return settings.clickhouse_url or default_clickhouse_url()


def reading_url(settings: Settings) -> str:
    """The same for commands that only read: as another user, where one is set."""
    return settings.clickhouse_read_url or clickhouse_url(settings)
