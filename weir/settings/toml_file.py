"""Files of TOML whose form is a model: whatever is wrong with one is a sentence that says where."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import SettingError

M = TypeVar("M", bound=BaseModel)


def read_toml(path: Path, model: type[M], *, called: str, remedy: str, example: str) -> M:
    """`called`: the file in a sentence. `remedy`: where it cannot be read. `example`: the page that shows one. Raises SettingError."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingError(f"{called} cannot be read ({error.strerror}): {remedy}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{called} is no TOML ({error}): {example} has an example.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingError(f"{called} is wrong at {where}: {first['msg']}. {example} has an example.") from None
