# ruff: noqa: S608 (numbers and names of this file)
"""Up to when the tables are complete, which nodes are silent, and which state they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.engines.base import Engine
from sinks.open import open_engine
from sinks.queries.generation import ask_generation
from sinks.queries.spans import Span
from sinks.queries.status import Completeness, ask_completeness

NINE = 1_767_258_000
DAY_S = 86_400


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """As much of weir's tables as these questions read."""
    opened = open_engine(f"chdb://{tmp_path / 'data'}")
    opened.execute("CREATE DATABASE weir")
    opened.execute(
        "CREATE TABLE weir.batches (node_id LowCardinality(String), epoch UInt64, window_start DateTime('UTC'), window_seconds UInt16, "
        "batch_index UInt32, batch_count UInt32) ENGINE = MergeTree PARTITION BY toDate(window_start) ORDER BY (node_id, window_start)"
    )
    opened.execute("CREATE TABLE weir.nodes (node_id String, agent_version String, last_seen DateTime) ENGINE = MergeTree ORDER BY node_id")
    opened.execute("CREATE TABLE weir.recomputations (number UInt32) ENGINE = MergeTree ORDER BY number")
    yield opened
    opened.close()


def told(engine: Engine, node: str, start_s: int, seconds: int = 10, index: int = 0, of: int = 1) -> None:
    engine.execute(f"INSERT INTO weir.batches SELECT '{node}', 1, {start_s}, {seconds}, {index}, {of}")


def seen(engine: Engine, node: str, at_s: int) -> None:
    engine.execute(f"INSERT INTO weir.nodes VALUES ('{node}', '1.0', {at_s})")


def silent(found: Completeness) -> list[str]:
    return [node.name for node in found.silent]


def test_nothing_is_complete_where_nothing_is(engine: Engine) -> None:
    assert ask_completeness(engine.ask) == Completeness(0, 0, 0, ())


def test_it_is_complete_up_to_where_the_last_node_that_speaks_has_told_all(engine: Engine) -> None:
    for start_s in (NINE, NINE + 10, NINE + 20):
        told(engine, "quick", start_s)
    told(engine, "slow", NINE)
    told(engine, "slow", NINE + 10, index=0, of=2)  # half a window is none
    told(engine, "lost", NINE - 600)
    for node in ("quick", "slow", "lost"):
        seen(engine, node, NINE)
    seen(engine, "gone", NINE - 7_200)
    told(engine, "dreaming", NINE + 40_000 * DAY_S // 20)
    found = ask_completeness(engine.ask)
    assert (found.until_s, found.newest_s, found.window_s) == (NINE + 10, NINE + 30, 10)
    assert silent(found) == ["lost"]
    told(engine, "slow", NINE + 10, index=1, of=2)
    assert ask_completeness(engine.ask).until_s == NINE + 20


def test_long_windows_are_given_their_time(engine: Engine) -> None:
    for start_s in (NINE, NINE + 300, NINE + 600):
        told(engine, "quick", start_s, 300)
    told(engine, "slow", NINE, 300)
    found = ask_completeness(engine.ask)
    assert (found.until_s, found.newest_s, found.window_s, silent(found)) == (NINE + 300, NINE + 900, 300, [])


def test_a_state_changes_with_what_comes_for_its_days_and_with_any_recomputation(engine: Engine) -> None:
    told(engine, "n1", NINE)
    today, yesterday = Span(NINE, NINE + 60), Span(NINE - DAY_S, NINE - DAY_S + 60)
    first = ask_generation(engine.ask)
    told(engine, "n1", NINE - DAY_S)
    late = ask_generation(engine.ask)
    assert first.of(today) == late.of(today) and first.of(yesterday) != late.of(yesterday) and first.state != late.state
    engine.execute("INSERT INTO weir.recomputations VALUES (1)")
    again = ask_generation(engine.ask)
    assert again.of(today) != late.of(today) and again.of(yesterday) != late.of(yesterday)
