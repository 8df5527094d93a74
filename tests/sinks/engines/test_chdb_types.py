"""Of a question that weir composed, the engine is asked for the types that Arrow leaves open, and for no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sinks.engines import chdb
from sinks.engines.base import Engine
from sinks.engines.result import readable
from sinks.open import open_engine

CERTAIN = (
    "toInt64(-1)",
    "toInt32(-2)",
    "toUInt64(3)",
    "toUInt8(4)",
    "toFloat32(0.5)",
    "toFloat64(0.25)",
    "true",
    "[toFloat32(0.5), 2]",
    "'a'",
    "toLowCardinality('b')",
)
OPEN = (
    ("toDateTime(1767258000, 'UTC')", "2026-01-01 09:00:00+00:00"),
    ("toIPv4('10.0.0.1')", "10.0.0.1"),
    ("toIPv6('::1')", "::1"),
    ("toDate('2026-01-01')", "2026-01-01"),
    ("toUUID('a08b207c-6868-4afc-8343-2b3c2624dcbe')", "a08b207c-6868-4afc-8343-2b3c2624dcbe"),
    ("toFixedString('ab', 4)", "ab"),
    ("toInt128(5)", "5"),
    ("CAST('b' AS Enum8('a' = 1, 'b' = 2))", "b"),
    ("['a']", "['a']"),
    ("[toDateTime(1767258000, 'UTC')]", None),
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"chdb://{tmp_path / 'data'}")
    yield opened
    opened.close()


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    ask_types = chdb._column_types

    def told(session: Any, sql: str) -> list[str]:
        found.append(sql)
        return ask_types(session, sql)

    monkeypatch.setattr(chdb, "_column_types", told)
    return found


def test_text_and_numbers_that_are_nothing_else_are_taken_as_they_come(engine: Engine, described: list[str]) -> None:
    values = engine.ask(f"SELECT {', '.join(f'{value} AS v{at}' for at, value in enumerate(CERTAIN))}").to_pylist()[0]
    assert list(values.values()) == [-1, -2, 3, 4, 0.5, 0.25, True, [0.5, 2.0], "a", "b"]
    assert described == []


@pytest.mark.parametrize(("value", "shown"), OPEN)
def test_what_may_be_an_instant_or_an_address_is_asked_for(engine: Engine, described: list[str], value: str, shown: str | None) -> None:
    (answer,) = readable(engine.ask(f"SELECT {value} AS v, toUInt64(1) AS n")).column("v").to_pylist()
    assert len(described) == 1
    assert shown is None or str(answer) == shown
