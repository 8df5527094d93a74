"""A filter as a tree, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.errors import WeirError

Operator = Literal["in", "<", "<=", ">", ">="]
"""`=` is `in` of one value, `!=` its opposite."""


class FilterError(WeirError):
    """A filter that cannot be used. `start` and `end`: offsets of what is wrong, in characters; `expected`: what may stand there."""

    def __init__(self, sentence: str, start: int, end: int, expected: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.start, self.end, self.expected = start, end, expected


@dataclass(frozen=True)
class Pattern:
    """A text with wildcards between its parts: one part is the text itself, ("pay", "") is what begins with pay."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Prefix:
    """Addresses from `first` to `last`, 16 bytes each; `written` as the user wrote them."""

    first: bytes
    last: bytes
    written: str


@dataclass(frozen=True)
class Amount:
    """A number in the field's own unit (bytes, microseconds, or none), or a share of 1 where `is_share`."""

    number: int | float
    written: str
    is_share: bool = False


Value = Pattern | Prefix | Amount | int
"""An int is a port."""


@dataclass(frozen=True)
class Term:
    """`field` is the name of one of `fields.FIELDS`. All but `in` has one value."""

    field: str
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Search:
    """A word without a field: any name has it in it, in whatever case."""

    word: str


@dataclass(frozen=True)
class Not:
    part: Node


@dataclass(frozen=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Node, ...]


Node = Term | Search | Not | All | AnyOf


def walk(node: Node) -> Iterator[Term | Search]:
    """The leaves, from left to right."""
    if isinstance(node, (Term, Search)):
        yield node
    else:
        for part in (node.part,) if isinstance(node, Not) else node.parts:
            yield from walk(part)


def both(first: Node | None, second: Node | None) -> Node | None:
    """What both let through; None lets everything through."""
    if first is None or second is None:
        return first or second
    return All((first, second))


def text(node: Node) -> str:
    """The filter that `parse` makes this tree of, in its shortest form."""
    match node:
        case Search(word):
            return _quoted(word) if _needs_quotes(word) or _is_keyword(word) else word
        case Term(name, "in", (value,)):
            return f"{name}={_value(value)}"
        case Term(name, "in", values):
            return f"{name} in ({', '.join(map(_value, values))})"
        case Term(name, operator, (value,)):
            return f"{name}{operator}{_value(value)}"
        case Not(Term(name, "in", (value,))):
            return f"{name}!={_value(value)}"
        case Not(part):
            return f"not {_inner(part)}"
        case All(parts):
            return " ".join(_inner(part) if not isinstance(part, Not) else text(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(text(part) if not isinstance(part, AnyOf) else f"({text(part)})" for part in parts)
    raise AssertionError(node)


def _inner(node: Node) -> str:
    return f"({text(node)})" if isinstance(node, (All, AnyOf)) else text(node)


def _value(value: Value) -> str:
    if isinstance(value, Pattern):
        return "*".join(_quoted(part) if _needs_quotes(part) else part for part in value.parts) or '""'
    return str(value) if isinstance(value, int) else value.written


KEYWORDS = ("and", "or", "not", "in")
SPECIAL = frozenset(' \t\r\n()=!<>,"*\\')


def _is_keyword(word: str) -> bool:
    return word.lower() in KEYWORDS


def _needs_quotes(part: str) -> bool:
    return any(letter in SPECIAL or not letter.isprintable() for letter in part)


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
