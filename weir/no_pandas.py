"""Keeps pandas out of a process that has no use for it.

pyarrow imports it, where it is installed, to ask whether a list is one of its arrays: 35 MB, and a quarter of a second of every command.
chDB brings it along, and asks for it only where a frame of it is read or wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NotInstalled(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
        return None


def keep_pandas_out() -> None:
    """For the rest of the process."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NotInstalled())
