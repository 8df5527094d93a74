"""How long the API's questions take: over tables that another process could hold, from the parameters to the bytes of the answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.instants import format_instant
from sinks.engines.base import Engine, Settings
from sinks.open import open_engine
from tests.bench.console.dataset import LAST_S
from tests.bench.console.report import Figure, milliseconds
from weir.api import parameters as p
from weir.api import questions
from weir.api.formats import body, document
from weir.api.questions import Document, Reply
from weir.api.tables import Tables

TIMES = 40
DAY_S = 86_400
VIEWERS = 50
CHART = "bytes,connections_failed,rtt_us"
ONE_EDGE = "client=ns1/w1 server=ns8/w8"


@dataclass(frozen=True)
class Asked:
    """`path` is a function of `weir.api.questions`. Each time another span, a window later: nothing comes from the cache."""

    name: str
    goal_ms: float | None
    path: Callable[..., Reply | Document]
    model: type[p.Parameters]
    length_s: int
    given: dict[str, Any]


QUESTIONS = (
    Asked("edges, 24 h", 200, questions.edges, p.EdgesParameters, DAY_S, {}),
    Asked("first map, 24 h (question, folding, JSON)", 150, questions.groups, p.GroupsParameters, DAY_S, {}),
    Asked("the same, compared with the day before", None, questions.groups, p.GroupsParameters, DAY_S // 2, {"compare": "-12h"}),
    Asked("first map, 15 min", None, questions.groups, p.GroupsParameters, 900, {}),
    Asked("series of one edge, 24 h", 100, questions.series, p.SeriesParameters, DAY_S, {"q": ONE_EDGE, "metrics": CHART}),
    Asked("the same, every metric", None, questions.series, p.SeriesParameters, DAY_S, {"q": ONE_EDGE}),
    Asked("map, 30 d", 1_000, questions.groups, p.GroupsParameters, 30 * DAY_S, {}),
    Asked("completion of a workload, 15 min", 50, questions.complete, p.CompleteParameters, 900, {"q": "client=w12"}),
    Asked("completion of a workload, 24 h", 50, questions.complete, p.CompleteParameters, DAY_S, {"q": "client=w12"}),
    Asked("raw flows, a page of 100", None, questions.flows, p.FlowsParameters, DAY_S, {}),
)


class Counting:
    """An engine that counts what it is asked."""

    def __init__(self, engine: Engine) -> None:
        self.name, self._engine, self.asked = engine.name, engine, list[str]()

    def execute(self, sql: str) -> None:
        self._engine.execute(sql)

    def insert(self, table: str, rows: pa.Table, settings: Settings) -> None:
        self._engine.insert(table, rows, settings)

    def query(self, sql: str, *, guarded: bool = False) -> pa.Table:
        return self._engine.query(sql, guarded=guarded)

    def ask(self, sql: str) -> pa.Table:
        self.asked.append(sql)
        return self._engine.ask(sql)

    def close(self) -> None:
        self._engine.close()


def measure(directory: Path) -> Iterator[Figure]:
    engine = Counting(open_engine(f"chdb://{directory}", read_only=True))
    try:
        tables = Tables(engine)
        tables.oldest(), tables.completeness()
        for asked in QUESTIONS:
            yield milliseconds(asked.name, asked.goal_ms, [_time(tables, asked, number) for number in range(TIMES + 3)][3:])
        yield _viewers(engine, tables)
    finally:
        engine.close()


def _time(tables: Tables, asked: Asked, number: int) -> float:
    given = _given(asked, LAST_S - 10 * (number % 29))
    begun = time.perf_counter()
    _bytes(asked.path(tables, None, asked.model.model_validate(given)))
    return time.perf_counter() - begun


def _given(asked: Asked, end_s: int) -> dict[str, Any]:
    start_s = end_s - asked.length_s
    return {"from": format_instant(start_s * 1_000_000), "to": format_instant(end_s * 1_000_000), **asked.given}


def _bytes(answer: Reply | Document) -> bytes:
    if isinstance(answer, Document):
        return document(answer.data, answer.meta)
    return body(answer.rows, answer.meta, "json")


def _viewers(engine: Counting, tables: Tables) -> Figure:
    """All look at the same map at the same time."""
    given = _given(QUESTIONS[1], LAST_S - 295)
    tables.generation()
    engine.asked.clear()
    with ThreadPoolExecutor(VIEWERS) as pool:
        list(pool.map(lambda _: _bytes(questions.groups(tables, None, p.GroupsParameters.model_validate(given))), range(VIEWERS)))
    maps = sum("d_client" in sql for sql in engine.asked)
    return Figure(f"{VIEWERS} viewers of one map", "1 question", f"{maps}", maps == 1)
