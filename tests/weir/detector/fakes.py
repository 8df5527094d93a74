"""What outlives a detector, in memory: a log, positions, tables, a receiver; and tables that say which steps are complete."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from schemas.records.tables import FINDINGS
from sinks.engines.base import Settings
from tests.simulator.answers.delivery import START_S, STEP_S
from weir.detector.http_post import Undelivered
from weir.detector.notices import Notice
from weir.detector.positions import Position


class FakePositions:
    def __init__(self) -> None:
        self.position: Position | None = None

    def get(self) -> Position | None:
        return self.position

    def put(self, position: Position) -> None:
        self.position = position


@dataclass
class FakeReceiver:
    """Takes one notice at a time; `away`: so many tries are not taken."""

    name: str = "webhook"
    again_seconds: float | None = None
    new_gets_open: bool = False
    away: int = 0
    got: list[Notice] = field(default_factory=list)

    def restore(self, notice: Notice) -> None: ...

    def saw(self, change: Any) -> None: ...

    def send(self, pending: Sequence[Notice]) -> int:
        if self.away:
            self.away -= 1
            raise Undelivered("away")
        if not pending:
            return 0
        self.got.append(pending[0])
        return 1


class FakeEngine:
    """Tables in which every step up to `steps` is complete, and findings are kept by their highest version."""

    name = "tables of the test"

    def __init__(self, steps: int = 0) -> None:
        self.steps = steps
        self.findings: dict[str, dict[str, Any]] = {}

    def ask(self, sql: str) -> pa.Table:
        newest_s = START_S + self.steps * STEP_S
        if "weir.findings" in sql:
            rows = [row for row in self.findings.values() if row["state"] == "open"]
            return pa.Table.from_pylist(rows, FINDINGS)
        if "AS oldest" in sql:
            return pa.table({"name": ["edges_5m"], "oldest": [START_S - 30 * 86_400], "rows": [1]})
        if "GROUP BY toDate" in sql:
            return pa.table({"start": [newest_s - STEP_S]})
        if "FROM weir.nodes" in sql:
            return pa.table({"name": ["n1"], "version": ["1"]})
        return pa.table({"name": ["n1"], "until_s": [newest_s], "seconds": [STEP_S]})

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        assert table == "weir.findings"
        for row in rows.to_pylist():
            if row["version"] >= self.findings.get(row["id"], row)["version"]:
                self.findings[row["id"]] = row

    def execute(self, sql: str) -> None:
        raise AssertionError(sql)

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        raise AssertionError(sql)

    def close(self) -> None: ...


class Dead(BaseException):
    """The process is gone: nothing catches it."""


@contextmanager
def dying(after: int) -> Any:
    """Dies at the failpoint of this number. Yields a list of those that were reached."""
    from schemas import failpoints

    reached: list[str] = []

    def die(point: str) -> None:
        reached.append(point)
        if len(reached) == after:
            raise Dead(point)

    failpoints.arm(die)
    try:
        yield reached
    finally:
        failpoints.arm(None)
