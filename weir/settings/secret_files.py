"""Secrets out of files: WEIR_CLICKHOUSE_URL_FILE names a file that holds what WEIR_CLICKHOUSE_URL would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from schemas.errors import SettingError
from weir.settings.catalogue import SECRETS

FILE = "_file"


def with_secrets(values: Mapping[str, Any], source: str, spell: Callable[[str], str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of one source with the files' contents in place of their names, and where each value came from.

    `spell`: how this source names a field. SettingError where a secret is given twice or its file cannot be read.
    """
    found = {name: value for name, value in values.items() if name.removesuffix(FILE) not in SECRETS or not name.endswith(FILE)}
    origins = dict.fromkeys(found, source)
    for field in SECRETS:
        path = values.get(field + FILE)
        if path:
            if found.get(field):
                raise SettingError(f"{spell(field)} and {spell(field + FILE)} are both set: keep one of them.")
            found[field] = _content(spell(field + FILE), str(path))
            origins[field] = f"{source}, from {path}"
    return found, origins


def _content(name: str, path: str) -> str:
    """The file's text without the line end behind it. Empty is refused: it would stand for the default."""
    if "://" in path:  # not repeated: it may be the secret itself
        raise SettingError(f"{name} is no path: give the path of a file that holds the secret.")
    try:
        text = Path(path).read_bytes().decode()
    except OSError as error:
        raise SettingError(f"{name}={path} cannot be read ({error.strerror}): give the path of a file that this user may read.") from None
    except ValueError:
        raise SettingError(f"{name}={path} cannot be read (it is not UTF-8): write the secret to it as text.") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SettingError(f"{name}={path} is empty: write the secret to it.")
    return text
