"""A filter as a tree, and its text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.errors import SettingError
from sinks.filter.fields import FIELDS, SHORT

Operator = Literal["in", "<", "<=", ">", ">="]
"""`=` is `in` of one value, `!=` its opposite."""


class FilterError(SettingError):
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


Offsets = tuple[int, int]
"""Offsets in characters of where something stands in the text it was read from."""
NOWHERE: Offsets = (0, 0)


@dataclass(frozen=True)
class Term:
    """`field` is the name of one of `fields.FIELDS`. All but `in` has one value. Two terms are equal wherever they stand."""

    field: str
    operator: Operator
    values: tuple[Value, ...]
    place: Offsets = dataclasses.field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Search:
    """A word without a field: a name of an end has it in it, with small letters for capitals (A to Z) or the other way round."""

    word: str
    place: Offsets = dataclasses.field(default=NOWHERE, compare=False)


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


def side_by_side(node: Node) -> Iterator[Node]:
    """The parts that must all be fulfilled, none of which is `All` itself."""
    if isinstance(node, All):
        for part in node.parts:
            yield from side_by_side(part)
    else:
        yield node


def joined(parts: Sequence[Node]) -> Node | None:
    """What lets through what all parts do."""
    return All(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def is_metric(leaf: Term | Search) -> bool:
    return isinstance(leaf, Term) and FIELDS[leaf.field].is_metric


def place_of(node: Node) -> Offsets:
    """From the first of its terms to the last."""
    places = [leaf.place for leaf in walk(node)]
    return min(start for start, _ in places), max(end for _, end in places)


def text(node: Node) -> str:
    """The filter that `parse` makes this tree of, in its shortest form."""
    match node:
        case Search(word):
            return word_text(word)
        case Term(name, "in", (value,)):
            return f"{SHORT[name]}={_value(value)}"
        case Term(name, "in", values):
            return f"{SHORT[name]} in ({', '.join(map(_value, values))})"
        case Term(name, operator, (value,)):
            return f"{SHORT[name]}{operator}{_value(value)}"
        case Not(Term(name, "in", (value,))):
            return f"{SHORT[name]}!={_value(value)}"
        case Not(part):
            return f"not {_inner(part)}"
        case All(parts):
            return " ".join(map(_inner, parts))
        case AnyOf(parts):
            return " or ".join(f"({text(part)})" if isinstance(part, AnyOf) else text(part) for part in parts)
    raise AssertionError(node)


def _inner(node: Node) -> str:
    return f"({text(node)})" if isinstance(node, (All, AnyOf)) else text(node)


def _value(value: Value) -> str:
    match value:
        case Pattern((word,)):
            return word_text(word)
        case Pattern(parts):
            return "*".join(_quoted(part) if _is_special(part) else part for part in parts)
        case int():
            return str(value)
    return value.written


_SHOWN_LENGTH = 100
KEYWORDS = ("and", "or", "not", "in")
SPECIAL = frozenset(' ()=!<>,"*\\')
"""Ends a word, or means something in it, unless it is quoted."""


def word_text(word: str) -> str:
    """A name as a filter has it: quoted where it would not be read as itself."""
    return _quoted(word) if not word or word.lower() in KEYWORDS or _is_special(word) else word


def shown(written: str) -> str:
    """A piece of a filter for a sentence: its beginning, without control characters."""
    cut = written if len(written) <= _SHOWN_LENGTH else f"{written[:_SHOWN_LENGTH]}…"
    return cut if cut.isprintable() else ascii(cut)


def _is_special(part: str) -> bool:
    return any(letter in SPECIAL or not letter.isprintable() for letter in part)


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
