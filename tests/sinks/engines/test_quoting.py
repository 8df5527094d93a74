"""Texts inside SQL: what a user sent is a name of plain letters there, or digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sinks.engines.chdb import ChdbEngine
from sinks.engines.quoting import literal, quoted

_SHAPE = re.compile(r"'([A-Za-z0-9_./:@%-]*)'|unhex\('([0-9a-f]+)'\)")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    opened = ChdbEngine(tmp_path_factory.mktemp("quoting") / "data")
    yield opened
    opened.close()


@given(st.text())
@example("a'b")
@example("a\\")
@example("a\nb")
@example("plain\n")
@example("%_")
def test_a_literal_is_a_plain_name_or_hexadecimal(text: str) -> None:
    match = _SHAPE.fullmatch(literal(text))
    assert match is not None
    plain, digits = match.groups()
    assert (plain if digits is None else bytes.fromhex(digits).decode()) == text


def test_half_a_character_from_a_command_line_is_hexadecimal_too() -> None:
    assert literal("a\udcff") == "unhex('61edb3bf')"


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("'\\\"`\0\n\t%{}$;-/*"), max_size=20), min_size=20, max_size=60))
def test_texts_come_back_as_they_were(engine: ChdbEngine, texts: list[str]) -> None:
    """`quoted` for weir's own statements; `literal` through the guard, which parses the statement, prints it and reads it again."""
    own = ", ".join(f"{quoted(text)} AS t{number}" for number, text in enumerate(texts))
    given_ = ", ".join(f"{literal(text)} AS t{number}" for number, text in enumerate(texts))
    for found in (engine.query(f"SELECT {own}"), engine.query(f"SELECT {given_}", guarded=True)):  # noqa: S608 - that it can be is tested
        assert [_text(found.column(f"t{number}")[0].as_py()) for number in range(len(texts))] == texts


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
