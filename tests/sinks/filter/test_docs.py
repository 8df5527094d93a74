"""docs/filter.md says what the grammar does."""

from __future__ import annotations

import re

import pytest

from sinks.filter.fields import ALIASES, FIELDS
from sinks.filter.parse import DEPTH_LIMIT, LENGTH_LIMIT, TERM_LIMIT, parse
from sinks.filter.sql import split
from sinks.filter.tree import FilterError
from tests.support.processes import ROOT

PAGE = (ROOT / "docs/filter.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, cell by cell, without its head."""
    lines = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")][2:]


def test_every_field_is_there_with_its_short_name_and_its_words() -> None:
    short = {name: alias for alias, name in ALIASES.items()}
    rows = table("Fields")
    named = [re.findall(r"`(\w+)`", names) for names, _, _ in rows]
    assert named == [[name, short[name]] if name in short else [name] for name in FIELDS]
    for (_, takes, meaning), field in zip(rows, FIELDS.values(), strict=True):
        assert meaning == field.meaning and ("%" in takes) == bool(field.share_of)
        assert tuple(re.findall(r"`(\w+)`", takes)) == field.words


def test_the_grammar_is_the_parsers() -> None:
    rules = [line for line in (parse.__globals__["__doc__"] or "").splitlines() if re.match(r"    \w+ +=", line)]
    assert len(rules) == 5 and all(f"\n{rule.strip()}\n" in PAGE for rule in rules)
    assert f"{LENGTH_LIMIT:,} characters, {TERM_LIMIT} words and values, {DEPTH_LIMIT} deep" in PAGE


def test_the_examples_can_be_asked() -> None:
    examples = [line for block in re.findall(r"```filter\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(examples) > 10
    for example in examples:
        split(parse(example))


def test_errors_are_those_that_are_shown() -> None:
    rows = table("Errors")
    assert len(rows) > 5
    for written, sentence in rows:
        with pytest.raises(FilterError) as caught:
            split(parse(written.strip("`")))
        assert str(caught.value) == sentence
