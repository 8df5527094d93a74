"""requirements.py EXTRA...: what weir needs with these extras, one requirement a line, by pyproject.toml in the current folder.

An image's dependencies are a layer of their own: they are not installed again because weir's own code changed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path


def requirements(extras: list[str]) -> list[str]:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    return sorted({*project["dependencies"], *(each for extra in extras for each in _of_extra(project["optional-dependencies"], extra))})


def _of_extra(optional: dict[str, list[str]], extra: str) -> Iterator[str]:
    """An extra that is made of weir's others is taken apart: of `weir[answers]` pip would install the index's program of that name."""
    for each in optional[extra]:
        own = re.fullmatch(r"weir\[([\w,]+)\]", each)
        if own:
            for inner in own[1].split(","):
                yield from _of_extra(optional, inner)
        else:
            yield each


if __name__ == "__main__":
    sys.stdout.writelines(f"{each}\n" for each in requirements(sys.argv[1:]))
