"""Rows on their way into the embedded engine: a file without a name, that a statement reads like any other.

chDB also takes rows through an insert that is fed piece by piece, and does not tell when that fails while it is written: with the disk
full it answers as if all was stored. An INSERT that selects from a file raises what goes wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any


class Payload:
    """In memory while it is open."""

    settings: Mapping[str, str | int] = {"use_structure_from_insertion_table_in_table_functions": 1}
    """Read as the types of the table's own columns, not as what the file would be taken for."""

    def __init__(self, data: Any) -> None:
        """`data`: anything that has bytes."""
        self._file = os.memfd_create("weir-block")
        try:
            with open(self._file, "wb", closefd=False) as file:
                file.write(data)
        except BaseException:
            os.close(self._file)
            raise

    def select(self, form: str) -> str:
        """What stands behind `INSERT INTO table (columns)` and its settings; `form`: ClickHouse's name of the format."""
        return f"SELECT * FROM file('/proc/self/fd/{self._file}', '{form}')"  # noqa: S608 (a number and a name of weir's own)

    def __enter__(self) -> Payload:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)
