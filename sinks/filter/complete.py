"""What may stand at the caret of a filter that is being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sinks.filter.fields import ALIASES, FIELDS, Field, field_named
from sinks.filter.tokens import Token, tokens

Wanted = Literal["field", "operator", "value"]


@dataclass(frozen=True)
class Place:
    """`start` to `end` (characters) is what a candidate takes the place of, `part` what of it stands before the caret.

    `field`: whose operator or value is wanted. `candidates`: those that need no look into the tables.
    """

    wanted: Wanted
    start: int
    end: int
    part: str
    field: Field | None
    candidates: tuple[str, ...]


def place(text: str, caret: int) -> Place:
    """Of any text, however unfinished; raises FilterError only for one that is too long, or has a stray ! or backslash."""
    before = [token for token in tokens(text[:caret]) if token.kind != "end"]
    touching = before[-1] if before and before[-1].kind == "word" and before[-1].end == caret else None
    behind = before[:-1] if touching else before
    start = touching.start if touching else caret
    part = "".join(touching.parts) if touching else ""
    end = _end_of_word(text, caret) if touching else caret
    field = _value_of(behind)
    if field is not None:
        return Place("value", start, end, part, field, field.words)
    last = behind[-1] if behind else None
    named = field_named("".join(last.parts)) if last and last.kind == "word" and last.bare and not last.keyword else None
    if named is not None and touching is None:
        return Place("operator", start, end, part, named, _operators(named))
    return Place("field", start, end, part, None, (*FIELDS, *ALIASES, "not", "or"))


def _value_of(behind: list[Token]) -> Field | None:
    """The field whose value is wanted after these tokens."""
    at = len(behind) - 1
    if at >= 0 and behind[at].kind in ("(", ","):
        while at >= 0 and behind[at].kind != "(":
            at -= 1
        at -= 1
        if at < 0 or behind[at].keyword != "in":
            return None
    if at < 1 or not (behind[at].kind == "operator" or behind[at].keyword == "in"):
        return None
    at -= 2 if behind[at - 1].keyword == "not" else 1
    return field_named("".join(behind[at].parts)) if at >= 0 and behind[at].kind == "word" else None


def _operators(field: Field) -> tuple[str, ...]:
    ordered = ("<", "<=", ">", ">=") if field.is_metric or field.kind == "port" else ()
    return ("=", "!=", "in", *ordered) if not field.is_metric else (">", ">=", "<", "<=", "=", "!=")


def _end_of_word(text: str, caret: int) -> int:
    for token in tokens(text):
        if token.start < caret <= token.end:
            return token.end
    return caret
