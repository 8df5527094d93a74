"""A tree asked of one row: what `weir tail -q` does, and what SQL is held against in the tests."""

from __future__ import annotations

import operator as operators
import string
from collections.abc import Callable, Mapping
from typing import Any

from schemas.addresses import parse_address
from sinks.filter.fields import FIELDS, SEARCHED
from sinks.filter.tree import All, AnyOf, Node, Not, Pattern, Prefix, Search, Term, Value

Row = Mapping[str, Any]
"""Every dimension and metric that the tree speaks of, by name: text, a port, an address as text, a number, or None for no value."""

_SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "in": operators.eq,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def matches(node: Node | None, row: Row) -> bool:
    match node:
        case None:
            return True
        case Search(word):
            return any(word.translate(_SMALL) in row[name].translate(_SMALL) for name in SEARCHED)
        case Term(name, operator, values):
            names = FIELDS[name].ends or (name,)
            return any(_holds(row, one, operator, value) for one in names for value in values)
        case Not(part):
            return not matches(part, row)
        case All(parts):
            return all(matches(part, row) for part in parts)
        case AnyOf(parts):
            return any(matches(part, row) for part in parts)
    raise AssertionError(node)


def _holds(row: Row, name: str, operator: str, value: Value) -> bool:
    found = row[name]
    if found is None:
        return False
    if isinstance(value, Pattern):
        return _fits(value.parts, found)
    if isinstance(value, Prefix):
        return value.first <= parse_address(found) <= value.last
    if isinstance(value, int):
        return _COMPARE[operator](found, value)
    if not value.is_share:
        return _COMPARE[operator](found, value.number)
    whole = sum(row[part] for part in FIELDS[name].share_of)
    return whole > 0 and _COMPARE[operator](found, value.number * whole)


def _fits(parts: tuple[str, ...], text: str) -> bool:
    if len(parts) == 1:
        return parts[0] == text
    first, *middle, last = parts
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
