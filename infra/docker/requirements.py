"""requirements.py EXTRA...: what weir needs with these extras, one requirement a line, by pyproject.toml in the current folder.

An image's dependencies are a layer of their own: they are not installed again because weir's own code changed.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(extras: list[str]) -> list[str]:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    optional: dict[str, list[str]] = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(each for extra in extras for each in optional[extra])})


if __name__ == "__main__":
    sys.stdout.writelines(f"{each}\n" for each in requirements(sys.argv[1:]))
