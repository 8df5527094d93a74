"""Any filter, as a tree, and any row."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sinks.filter.fields import FIELDS, Field
from sinks.filter.tokens import Token
from sinks.filter.tree import All, AnyOf, Node, Not, Operator, Pattern, Search, Term, Value
from sinks.filter.values import read_value

ALPHABET = "abAB%_\\*'\"/-. \0\n(é,İ="
NAMES = st.text(ALPHABET, max_size=6) | st.sampled_from(("and", "OR", "in", "not", "client", "a", "b"))
"""Short and of few letters, so that they meet; and what has a meaning in a filter, in SQL or in a pattern."""
ADDRESSES = ("10.0.0.1", "10.2.255.255", "10.3.0.0", "::1", "2001:db8::1", "::ffff:10.2.0.7")
PREFIXES = (*ADDRESSES, "10.2.0.0/16", "10.2.3.4/8", "::/0", "2001:db8::/32", "0.0.0.0/0")
UNITS = {"bytes": ("", "B", "kB", "MiB", "TB"), "time": ("", "us", "ms", "s"), "count": ("", "k", "M")}
SMALL = st.integers(0, 4)


def _word(text: str) -> Token:
    return Token("word", 0, len(text), text, (text,))


def amounts(field: Field) -> st.SearchStrategy[Value]:
    numbers = st.one_of(SMALL.map(str), st.integers(0, 9_000).map(str), st.floats(0, 4).map(lambda number: f"{number:.3f}"))
    units = (*UNITS[field.kind], "%") if field.share_of else UNITS[field.kind]
    return st.builds(lambda number, unit: read_value(field, _word(number + unit)), numbers, st.sampled_from(units))


def values(field: Field) -> st.SearchStrategy[Value]:
    if field.is_metric:
        return amounts(field)
    if field.kind == "port":
        return st.sampled_from((0, 53, 443, 8443, 65_535))
    if field.kind == "address":
        return st.sampled_from(PREFIXES).map(lambda text: read_value(field, _word(text)))
    if field.kind == "word":
        return st.sampled_from(field.words).map(lambda word: Pattern((word,)))
    parts = st.lists(NAMES, min_size=1, max_size=4)
    return parts.map(lambda found: Pattern(tuple(part.lower() if field.name == "protocol" else part for part in found)))


@st.composite
def terms(draw: st.DrawFn) -> Term:
    field = draw(st.sampled_from(list(FIELDS.values())))
    operators: tuple[Operator, ...] = ("in", "<", "<=", ">", ">=") if field.is_metric or field.kind == "port" else ("in",)
    operator = draw(st.sampled_from(operators))
    found = draw(st.lists(values(field), min_size=1, max_size=3 if operator == "in" else 1))
    return Term(field.name, operator, tuple(found))


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(All, several) | st.builds(AnyOf, several)


TREES: st.SearchStrategy[Node] = st.recursive(terms() | NAMES.filter(bool).map(Search), _grown, max_leaves=8)


def _of(field: Field) -> st.SearchStrategy[Any]:
    if field.name in ("rtt_us", "rtt_us_max"):
        return st.none() | st.floats(0, 9_000) if field.name == "rtt_us" else SMALL
    if field.is_metric:
        return SMALL | st.integers(0, 10**13)
    if field.kind == "port":
        return st.sampled_from((0, 53, 443, 8443, 65_535))
    if field.kind == "address":
        return st.sampled_from(ADDRESSES)
    return st.sampled_from(field.words) if field.kind == "word" else NAMES


ROWS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({field.name: _of(field) for field in FIELDS.values() if not field.ends})
