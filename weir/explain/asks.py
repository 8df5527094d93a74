"""What an explanation needs of the tables: the same of a sink, and of the console with its limits."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa


class Asks(Protocol):
    def query(self, sql: str) -> pa.Table:
        """The answer to one statement: instants as UTC timestamps, addresses as text, names as plain strings."""
        ...
