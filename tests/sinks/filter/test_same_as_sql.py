"""A filter's SQL, on the engine, lets through exactly the rows that its tree does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.engines.chdb import ChdbEngine
from sinks.engines.quoting import literal
from sinks.filter.fields import FIELDS
from sinks.filter.parse import parse
from sinks.filter.rows import Row, matches
from sinks.filter.sql import condition, dimensions_of, metrics_of
from sinks.filter.tree import Node, Pattern, Search, Term, text
from tests.sinks.filter.trees import ROWS, TREES

COLUMNS = {name: name for name, field in FIELDS.items() if not field.ends}
TYPES = {"name": "LowCardinality(String)", "word": "String", "address": "IPv6", "port": "UInt16"}
PLAIN: Row = {
    name: {"port": 443, "address": "10.0.0.1", "word": "none"}.get(FIELDS[name].kind, 0 if FIELDS[name].is_metric else "")
    for name in COLUMNS
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    opened = ChdbEngine(tmp_path_factory.mktemp("filter") / "data")
    yield opened
    opened.close()


def let_through(query: Callable[[str], pa.Table], rows: Sequence[Row], trees: Sequence[Node | None]) -> list[list[bool]]:
    """For each tree and row what the engine says."""
    needed = sorted(set().union(*(dimensions_of(tree) | metrics_of(tree) for tree in trees)))
    union = " UNION ALL ".join(f"SELECT {number} AS id, {_row(row, needed)}" for number, row in enumerate(rows))
    asked = ", ".join(f"{condition(tree, COLUMNS)} AS c{number}" for number, tree in enumerate(trees))
    found = query(f"SELECT {asked} FROM ({union}) ORDER BY id")  # noqa: S608 - that it can be is what is tested
    return [[bool(value) for value in found.column(f"c{number}").to_pylist()] for number in range(len(trees))]


def _row(row: Row, names: Sequence[str]) -> str:
    return ", ".join(f"CAST({_sql(name, row[name])}, '{_type(name)}') AS {name}" for name in names)


def _type(name: str) -> str:
    return "Nullable(Float64)" if name == "rtt_us" else TYPES.get(FIELDS[name].kind, "UInt64")


def _sql(name: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"toIPv6({literal(value)})" if FIELDS[name].kind == "address" else literal(value)
    return repr(value)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(ROWS, min_size=4, max_size=6), st.lists(TREES, min_size=10, max_size=16))
def test_sql_lets_through_what_the_tree_does(engine: ChdbEngine, rows: list[Row], trees: list[Node]) -> None:
    assert let_through(engine.ask, rows, trees) == [[matches(tree, row) for row in rows] for tree in trees]


ATTEMPTS = (
    "' OR 1 = 1 --", "\\' OR 1 = 1 --", "\\", "x'; DROP TABLE flows; --", "%", "_", "a\\%b", "a%b", "\0", "a\0b", "\n", 
    "{x:String}", "`", '"', "/*", "${a}",
    "\u2028", "😀", "ÿ", "unhex('00')", "SETTINGS readonly = 0", "INTO OUTFILE '/tmp/x'", "FORMAT CSV", "file", "é", "\ud7ff",
)  # fmt: skip


def test_a_text_stands_for_itself_and_for_nothing_more(engine: ChdbEngine) -> None:
    rows = [{**PLAIN, "client": attempt} for attempt in (*ATTEMPTS, "other", "a\\xb")]
    ways: dict[str, Callable[[str], Node]] = {
        "equal": lambda attempt: Term("client", "in", (Pattern((attempt,)),)),
        "begins": lambda attempt: Term("client", "in", (Pattern((attempt, "")),)),
        "within": lambda attempt: Term("client", "in", (Pattern(("", attempt, "")),)),
        "search": Search,
    }
    for way, made in ways.items():
        trees = [parse(text(made(attempt))) for attempt in ATTEMPTS]
        found = let_through(engine.ask, rows, trees)
        assert found == [[matches(tree, row) for row in rows] for tree in trees], way
        assert all(found[number][number] for number in range(len(ATTEMPTS))), way
        if way == "within":  # through the guard, too, as `weir query` asks
            assert found == let_through(partial(engine.query, guarded=True), rows, trees)
        if way == "equal":
            assert sum(map(sum, found)) == len(ATTEMPTS)


@pytest.mark.parametrize(
    ("written", "rows", "wanted"),
    [
        ("workload=a", [("a", "b"), ("b", "a"), ("b", "c")], [1, 1, 0]),
        ("workload!=a", [("a", "b"), ("b", "a"), ("b", "c")], [0, 0, 1]),
        ("workload=a workload=b", [("a", "b"), ("b", "a"), ("a", "c")], [1, 1, 0]),
        ("workload in (a, b)", [("a", "x"), ("x", "b"), ("x", "y")], [1, 1, 0]),
        ("workload not in (a, b)", [("a", "x"), ("x", "b"), ("x", "y")], [0, 0, 1]),
        ("server=pay*", [("", "pay"), ("", "payments"), ("pay", "Pay")], [1, 1, 0]),
        ("server=*ay*t", [("", "payments"), ("", "pay-t"), ("", "t")], [0, 1, 0]),
        ('server=""', [("a", ""), ("", "a"), ("", "")], [1, 0, 1]),
        ("PAY", [("payments", "x"), ("x", "to-Pay"), ("x", "y")], [1, 1, 0]),
        ("not client=a server=b", [("a", "b"), ("c", "b"), ("c", "d")], [0, 1, 0]),
        ("client=a or client=b server=c", [("a", "x"), ("b", "c"), ("b", "x")], [1, 1, 0]),
    ],
)
def test_what_is_meant_is_chosen(written: str, rows: list[tuple[str, str]], wanted: list[int]) -> None:
    """By the tree alone, which says the same as SQL: the law above."""
    assert [matches(parse(written), {**PLAIN, "client": client, "server": server}) for client, server in rows] == [*map(bool, wanted)]


def test_what_was_not_measured_is_neither_more_nor_less() -> None:
    silent = {**PLAIN, "rtt_us": None}
    assert [matches(parse(f"rtt{sign}0"), silent) for sign in ("<", "<=", "=", ">=", ">")] == [False] * 5
    assert [matches(parse(f"failed{sign}0%"), silent) for sign in ("<", "<=", "=", ">=", ">")] == [False] * 5
    busy = {**PLAIN, "connections_opened": 19, "connections_failed": 1}
    assert [matches(parse(written), busy) for written in ("failed>=5%", "failed>5%", "failed<6%", "refused=0%")] == [
        True,
        False,
        True,
        True,
    ]
