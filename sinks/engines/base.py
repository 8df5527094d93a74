"""What carries SQL and columns to ClickHouse: the only part that differs between chDB, a server, and another process's directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

DATABASE = "weir"
Settings = Mapping[str, str | int]


class Engine(Protocol):
    """Safe to use from several threads. Errors are `Unavailable` (try again) or `WeirError` (do not)."""

    name: str
    """For messages: where the data is, without secrets."""

    def execute(self, sql: str) -> None:
        """One statement that returns nothing."""
        ...

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        """All rows as one block of one INSERT; `table` with its database; columns by name."""
        ...

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        """The result, with the ClickHouse type of each column in the field's metadata (`result.TYPE`).

        `guarded` is for SQL that a person wrote: it can only read, and is bounded in time, memory and size.
        """
        ...

    def ask(self, sql: str) -> pa.Table:
        """The same of one SELECT that weir composed (`composed.check_composed`), under the console's limits, as narrow as they are.

        Raises `errors.TooLong` and `errors.TooLarge` where a limit was hit. Several may be asked at a time.
        """
        ...

    def close(self) -> None: ...
