"""Files of TOML: whatever is wrong with one is a sentence that names the file, the place and the way out."""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import SettingError

M = TypeVar("M", bound=BaseModel)


def load_toml(path: Path | Traversable, *, called: str, remedy: str, example: str) -> dict[str, Any]:
    """`called`: the file in a sentence. `remedy`: where it cannot be read. `example`: the page that shows one. Raises SettingError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{called} cannot be read ({error.strerror}): {remedy}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{called} is no TOML ({error}): {example} has an example.") from None


def read_toml(path: Path | Traversable, model: type[M], *, called: str, remedy: str, example: str) -> M:
    """As `load_toml`, of a file whose form is a model."""
    content = load_toml(path, called=called, remedy=remedy, example=example)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise SettingError(f"{called} is wrong at {where}: {said}. {example} has an example.") from None
