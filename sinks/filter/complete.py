"""What may stand at the caret of a filter that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sinks.filter.fields import ALIASES, FIELDS, SHORT, Field, field_named
from sinks.filter.tokens import Token, tokens

Wanted = Literal["field", "operator", "value"]
_JOINTS = {"not": "what does not fit the next term", "or": "what fits either side"}
_NAMES = tuple(dict.fromkeys((*(SHORT[name] for name in FIELDS), *FIELDS, *ALIASES)))


@dataclass(frozen=True)
class Place:
    """`start` to `end` (characters) is what a candidate takes the place of, `part` what of it stands before the caret.

    `field`: whose operator or value is wanted. `candidates`: those that need no look into the tables, whether or not `part` is in them.
    """

    wanted: Wanted
    start: int
    end: int
    part: str
    field: Field | None
    candidates: tuple[str, ...]


def place(text: str, caret: int) -> Place:
    """Of any text, however unfinished or wrong."""
    before = tokens(text[:caret])[:-1]
    touching = before[-1] if before and before[-1].end == caret and before[-1].kind in ("word", "stray") else None
    wanted, field, candidates = _wanted(before[:-1] if touching else before)
    if touching is None:
        return Place(wanted, caret, caret, "", field, candidates)
    if wanted == "operator" and touching.kind == "word" and field is not None and not _begins_operator(touching):
        wanted, field, candidates = "field", None, _fields(before[:-1])
    part = touching.written if touching.kind == "stray" else touching.word
    return Place(wanted, touching.start, max(caret, _end_of(text, touching)), part, field, candidates)


def offered(at: Place) -> tuple[tuple[str, str], ...]:
    """The candidates that fit what stands before the caret, the ones that begin with it first, each with its meaning or nothing.

    A field's longer name is offered where the shorter one does not fit.
    """
    part = at.part.lower()
    fitting = [word for word in at.candidates if part in word and not (SHORT.get(word, word) != word and part in SHORT[word])]
    fitting.sort(key=lambda word: not word.startswith(part))
    return tuple((word, _meaning(word) if at.wanted == "field" else "") for word in fitting)


def _meaning(word: str) -> str:
    field = field_named(word)
    return field.meaning if field else _JOINTS.get(word, "")


def _wanted(behind: Sequence[Token]) -> tuple[Wanted, Field | None, tuple[str, ...]]:
    """What follows these tokens, and the field of the term that they end with."""
    opened = _list_start(behind)
    if opened is not None and behind[-1].kind == "word":
        return "operator", None, (",", ")")
    head = behind[:opened]
    if head and (head[-1].kind == "operator" or head[-1].keyword == "in"):
        named = head[-3:-2] if head[-1].keyword and head[-2:-1] and head[-2].keyword == "not" else head[-2:-1]
        field = _named(named)
        return "value", field, field.words if field else ()
    denied = bool(head) and head[-1].keyword == "not"
    field = None if _is_value(head[: -2 if denied else -1]) else _named(head[-2:-1] if denied else head[-1:])
    if field is None:
        return "field", None, _fields(behind)
    return "operator", field, ("in",) if denied else _operators(field)


def _list_start(behind: Sequence[Token]) -> int | None:
    """Where the parenthesis of a list of values stands that is still open."""
    at = len(behind) - 1
    while at >= 0 and behind[at].kind in ("word", ","):
        at -= 1
    return at if at >= 1 and behind[at].kind == "(" and behind[at - 1].keyword == "in" else None


def _is_value(behind: Sequence[Token]) -> bool:
    """Whether the word behind these tokens is a value, and no field."""
    return bool(behind) and (behind[-1].kind == "operator" or behind[-1].keyword == "in")


def _named(found: Sequence[Token]) -> Field | None:
    return field_named(found[0].word) if found and found[0].kind == "word" and found[0].bare and not found[0].keyword else None


def _fields(behind: Sequence[Token]) -> tuple[str, ...]:
    """Names of fields; behind something that is whole also what may join it to more."""
    whole = bool(behind) and not behind[-1].keyword and behind[-1].kind in ("word", ")")
    return (*_NAMES, "not", "or") if whole else (*_NAMES, "not")


def _begins_operator(token: Token) -> bool:
    return any(word.startswith(token.written.lower()) for word in ("in", "not"))


def _operators(field: Field) -> tuple[str, ...]:
    if field.is_metric:
        return (">", ">=", "<", "<=", "=", "!=")
    return ("=", "!=", "in", "not in", *(("<", "<=", ">", ">=") if field.kind == "port" else ()))


def _end_of(text: str, touching: Token) -> int:
    """The end of the whole word whose beginning stands before the caret. A word whose quotation mark is never closed ends at the caret."""
    for token in tokens(text):
        if token.start == touching.start:
            return token.end if token.closed else touching.end
    return touching.end
