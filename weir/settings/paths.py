"""Where weir keeps what it remembers between runs on this machine, outside any data directory."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from schemas.errors import SettingError
from schemas.private_files import private_directory

SYSTEM_STATE = Path("/var/lib/weir")


def user_state_dir() -> Path:
    """$XDG_STATE_HOME/weir, or ~/.local/state/weir where the variable is not set."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "weir"


def default_state_dir() -> Path:
    """/var/lib/weir for root, who runs agents as a service; the user's own state directory otherwise."""
    return SYSTEM_STATE if os.geteuid() == 0 else user_state_dir()


def remember_data_dir(directory: Path) -> None:
    """Notes the data directory of the newest demo, so that `weir query` needs no setting after it."""
    note = _note()
    private_directory(note.parent)
    fresh = note.with_suffix(f".{os.getpid()}")
    fresh.write_text(f"{directory.resolve()}\n", encoding="utf-8")
    fresh.replace(note)


def last_data_dir() -> Path | None:
    """The directory remembered last, or None if there was none. It may be gone by now."""
    try:
        text = _note().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"{_note()} cannot be read ({error.strerror}): set WEIR_CLICKHOUSE_URL instead.") from error
    return Path(text) if text else None


def default_clickhouse_url() -> str:
    """The last demo's tables. SettingError if no demo was run, or if its directory is gone."""
    directory = last_data_dir()
    if directory is None:
        raise SettingError("WEIR_CLICKHOUSE_URL is empty and no demo has left its tables: set it to chdb:///DIR, or run `weir demo` first.")
    if not directory.is_dir():
        raise SettingError(f"WEIR_CLICKHOUSE_URL is empty and the last demo's {directory} is gone: set it, or run `weir demo` again.")
    return f"chdb://{quote(str(directory))}"


def _note() -> Path:
    return user_state_dir() / "last-data-dir"
