# ruff: noqa: S608 (every name in these statements is weir's own, everything else a number)
"""Carries what rollups held before there were edges (rows of lane 0) over into the tables of edges, day by day, each row once.

The feeds of the edges take rows of lanes alone, and everything written since they are in place has a lane: so what has none is carried
over, and nothing else. Carried rows keep lane 0 and the time of their writing. Whether a day is done is read from the tables: its rows of
lane 0 stand for as many flows in both. A step that was cut short has fewer; its rows are deleted, and it is done again. Workers go on
writing meanwhile.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from schemas.errors import Unavailable, WeirError
from sinks.engines.base import DATABASE, Engine
from sinks.rollups import ROLLUPS, Rollup, edges_from

logger = logging.getLogger(__name__)

NAME = "0021_edges_of_before"
EDGES = tuple(rollup for rollup in ROLLUPS if rollup.of_edges)
ROWS_A_SECOND = 300_000
"""What was measured on two busy cores (350,000; 530,000 a CPU second). Only the estimate made before the first day rests on it."""
_ROUNDS = 5
_CLAIMS = f"{DATABASE}.carrying_over"
_WAIT_SECONDS, _ASK_SECONDS = 600.0, 0.5
_SETTINGS = (
    "insert_deduplicate = 0, async_insert = 0, optimize_on_insert = 1, max_threads = 2, max_insert_threads = 1, max_execution_time = 0"
)
_DAYS = 86_400


@dataclass(frozen=True)
class Day:
    """A day of a table of edges that has not all rows of before, or some twice. `number`: days since 1970; `rows`: to be read for it."""

    rollup: Rollup
    number: int
    rows: int
    carried: int

    @property
    def within(self) -> str:
        first, last = self.number * _DAYS, (self.number + 1) * _DAYS - 1
        return f"window_start BETWEEN toDateTime({first}, 'UTC') AND toDateTime({last}, 'UTC')"


def run(engine: Engine) -> None:
    """Returns when all is carried over. May be repeated after a kill at any instant; the later of two that run at once goes on alone."""
    claim = None
    for _ in range(_ROUNDS):
        _wait_for_inserts(engine)
        days = open_days(engine)
        if not days:
            engine.execute(f"DROP TABLE IF EXISTS {_CLAIMS} SYNC")
            return
        claim = claim or _Claim(engine)
        _carry_all(engine, days, claim)
    raise Unavailable(f"{engine.name} went on getting rows without a lane: stop workers of older versions, and run `weir migrate` again")


class _Claim:
    """Who carries rows over: whoever has said so last.

    An earlier one stops before its next statement, and the later waits for the one under way.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._id = engine, uuid4().hex
        engine.execute(f"CREATE TABLE IF NOT EXISTS {_CLAIMS} (id String, at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY at")
        engine.execute(f"INSERT INTO {_CLAIMS} VALUES ('{self._id}', now64(6))")
        _wait_for_inserts(engine)

    def check(self) -> None:
        try:
            found = self._engine.query(f"SELECT id = '{self._id}' AS mine FROM {_CLAIMS} ORDER BY at DESC, id DESC LIMIT 1")
            is_newest = bool(found.column("mine")[0].as_py())
        except Unavailable:
            raise
        except WeirError:  # the table is gone: another one has come to the end
            is_newest = False
        if not is_newest:
            raise Unavailable(f"another `weir migrate` is carrying rows over in {self._engine.name}: run it again when that one has ended")


def open_days(engine: Engine) -> list[Day]:
    """The newest first."""
    found = [day for rollup in EDGES for day in _open_days(engine, rollup)]
    return sorted(found, key=lambda day: day.number, reverse=True)


def rows_to_carry(engine: Engine) -> int:
    return sum(day.rows for day in open_days(engine))


def said_of(rows: int) -> str:
    """For a person: how much that is."""
    return f"{rows:,} rows of before, about {rows / ROWS_A_SECOND / 60:.0f} minutes" if rows else "nothing to carry over"


def _open_days(engine: Engine, rollup: Rollup, within: str = "1") -> list[Day]:
    number = "toUInt32(toDate(window_start)) AS number"
    there = (
        f"SELECT {number}, sum(flows) AS wanted, count() AS to_read, toUInt64(0) AS held FROM {DATABASE}.{rollup.finer} "
        f"WHERE lane = 0 AND canonical AND {within} GROUP BY number"
    )
    here = (
        f"SELECT {number}, toUInt64(0) AS wanted, toUInt64(0) AS to_read, sum(flows) AS held FROM {DATABASE}.{rollup.name} "
        f"WHERE lane = 0 AND {within} GROUP BY number"
    )
    found = engine.query(
        f"SELECT number, sum(to_read) AS rows, sum(held) AS carried FROM ({there} UNION ALL {here}) "
        "GROUP BY number HAVING sum(wanted) != sum(held)"
    )
    return [Day(rollup, int(row["number"]), int(row["rows"]), int(row["carried"])) for row in found.to_pylist()]


def _carry_all(engine: Engine, days: list[Day], claim: _Claim) -> None:
    whole, done, begun = sum(day.rows for day in days), 0, time.monotonic()
    logger.info("carrying over %s into the tables of edges", said_of(whole))
    for day in days:
        _carry(engine, day, claim)
        done += day.rows
        left = (time.monotonic() - begun) * (whole - done) / max(done, 1)
        logger.info("%s: carried %d of %d rows, about %.0f s are left", day.rollup.name, done, whole, left)


def _carry(engine: Engine, day: Day, claim: _Claim) -> None:
    for now in _open_days(engine, day.rollup, day.within):
        claim.check()
        if now.carried:
            engine.execute(f"ALTER TABLE {DATABASE}.{day.rollup.name} DELETE WHERE lane = 0 AND {day.within} SETTINGS mutations_sync = 2")
        engine.execute(f"{edges_from(day.rollup, f'lane = 0 AND {day.within}')} SETTINGS {_SETTINGS}")


def _wait_for_inserts(engine: Engine) -> None:
    """Those that run now may have begun before the feeds were as they are, or be another `weir migrate`'s.

    Where they cannot be seen, the days are compared afterwards all the same.
    """
    running, until = _inserts(engine), time.monotonic() + _WAIT_SECONDS
    while running and time.monotonic() < until:
        time.sleep(_ASK_SECONDS)
        running &= _inserts(engine)
    if running:
        raise Unavailable(
            f"{engine.name} has had an INSERT under way for ten minutes ({min(running)}): run `weir migrate` again when it is over"
        )


def _inserts(engine: Engine) -> set[str]:
    try:
        found = engine.query("SELECT query_id FROM system.processes WHERE query_kind = 'Insert'")
    except Unavailable:
        raise
    except WeirError as error:  # the right to see them is missing
        logger.warning("%s does not show which INSERTs are under way (%s)", engine.name, error)
        return set()
    names: Any = found.column("query_id").to_pylist() if found.num_rows else []
    return {name.decode() if isinstance(name, bytes) else str(name) for name in names}
