"""Where settings come from: the environment over the --config file over defaults. Unknown names are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import SettingError
from schemas.nearest import hint, nearest
from weir.settings.catalogue import SECRETS, Settings
from weir.settings.secret_files import FILE, with_secrets

PREFIX = "WEIR_"
NAMES = (*Settings.model_fields, *(field + FILE for field in SECRETS))


@dataclass(frozen=True)
class Loaded:
    """The settings in force, and for each of them where it came from."""

    settings: Settings
    origins: dict[str, str]  # every field's name -> "environment", "file PATH" or "default"; of a secret's file, "..., from PATH"


def load_settings(config: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Raises SettingError for an unknown name, a value out of its range, or a file that cannot be read.

    A variable that is set but empty means the default, also where the file says otherwise.
    """
    from_file, file_origins = with_secrets(_read_file(config) if config else {}, f"file {config}", lambda field: f"{field} in {config}")
    from_env, env_origins = with_secrets(_read_environment(os.environ if environment is None else environment), "environment", variable)
    values = {**from_file, **from_env}
    origins = {**dict.fromkeys(Settings.model_fields, "default"), **file_origins, **env_origins}
    given = {name: value for name, value in values.items() if value != ""}
    origins |= dict.fromkeys(values.keys() - given.keys(), "default")
    try:
        return Loaded(Settings(**given), origins)
    except ValidationError as error:
        raise SettingError(_sentence(error, origins)) from None


def variable(field: str) -> str:
    """The environment's name of a setting."""
    return PREFIX + field.upper()


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given = {name[len(PREFIX) :].lower(): (name, text) for name, text in environment.items() if name.startswith(PREFIX)}
    for field, (name, _) in given.items():
        if field not in NAMES or name != variable(field):
            raise SettingError(f"{name} is not a setting of weir: {_hint(field, variable)}")
    return {field: text for field, (_, text) in given.items()}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"--config {path} cannot be read ({error.strerror}): give the path of a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"--config {path} is not valid TOML ({error}): correct it there.") from error
    for name, value in values.items():
        if name not in NAMES:
            raise SettingError(f"{name} in {path} is not a setting of weir: {_hint(name.lower().removeprefix('weir_'), str)}")
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise SettingError(f"{name} in {path} is a {type(value).__name__}: give a text or a whole number.")
    return values


def _hint(field: str, spell: Callable[[str], str]) -> str:
    return hint([spell(name) for name in nearest(field, NAMES)], otherwise="`weir config` lists them all.")


def _sentence(error: ValidationError, origins: dict[str, str]) -> str:
    """The first defect, as one sentence. The value is named unless it may hold a secret."""
    first = error.errors(include_url=False)[0]
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    if not first["loc"]:
        return f"The settings do not fit together: {said}."
    field = str(first["loc"][0])
    where = origins[field]
    place = where.removeprefix("file ")
    name = variable(field) + place.removeprefix("environment") if place.startswith("environment") else f"{field} in {place}"
    shown = "" if field in SECRETS else _shown(first["input"])
    return f"{name}{shown} is not usable: {said[:1].lower()}{said[1:]}."


def _shown(value: object) -> str:
    """`=value`, shortened; empty where it looks like a URL with a password."""
    text = str(value)
    if "@" in text or "://" in text:
        return ""
    text = text if text.isprintable() else ascii(text)
    return f"={text if len(text) <= 80 else f'{text[:77]}...'}"
