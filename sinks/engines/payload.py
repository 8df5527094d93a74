"""Rows on their way into the embedded engine: a file without a name, that a statement reads like any other.

chDB also takes rows through an insert that is fed piece by piece, and does not tell when that fails while it is written: with the disk
full it answers as if all was stored. An INSERT that selects from a file raises what goes wrong.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

from schemas.errors import WeirError

_CLOSED = -1
_KEPT_BYTES = 64 * 1024 * 1024
"""What the file may keep between two statements: pages that are there need not be cleared for the next block."""


class Payload:
    """In memory until it is closed. One statement at a time, of any thread."""

    settings: Mapping[str, str | int] = {
        "use_structure_from_insertion_table_in_table_functions": 1,  # read as the types of the table's own columns
        "storage_file_read_method": "pread",  # mapped files are remembered by their names, and this one has always the same
    }

    def __init__(self) -> None:
        self._file = os.memfd_create("weir-block")
        self._mutex = threading.Lock()

    @contextmanager
    def holding(self, write: Callable[[BinaryIO], object]) -> Iterator[None]:
        """The file holds what `write` has put into it, and nothing else. Raises WeirError once it is closed."""
        with self._mutex:
            if self._file == _CLOSED:
                raise WeirError("The data directory has been closed: open it again.")
            try:
                os.lseek(self._file, 0, os.SEEK_SET)
                with open(self._file, "wb", closefd=False) as file:
                    write(file)
                    size = file.tell()
                os.ftruncate(self._file, size)
                yield
            finally:
                if os.fstat(self._file).st_size > _KEPT_BYTES:
                    os.ftruncate(self._file, 0)

    def select(self, form: str) -> str:
        """What stands behind `INSERT INTO table (columns)` and its settings; `form`: ClickHouse's name of the format."""
        return f"SELECT * FROM file('/proc/self/fd/{self._file}', '{form}')"  # noqa: S608 (a number and a name of weir's own)

    def close(self) -> None:
        """Waits for the statement that reads it. The number of a closed file may be another file's at once: it is forgotten."""
        with self._mutex:
            if self._file != _CLOSED:
                os.close(self._file)
                self._file = _CLOSED
