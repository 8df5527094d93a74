"""Text to tree, by recursive descent.

    filter = all {"or" all}            terms side by side are AND; "or" binds weaker
    all    = part {["and"] part}
    part   = "not" part | "(" filter ")" | term | word
    term   = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value | field ["not"] "in" values
    values = value | "(" value {"," value} ")"

A word without an operator behind it is searched for in names.
"""

from __future__ import annotations

import difflib

from sinks.filter.fields import ALIASES, FIELDS, Field, field_named
from sinks.filter.tokens import Token, TokenKind, tokens
from sinks.filter.tree import All, AnyOf, FilterError, Node, Not, Operator, Search, Term, Value
from sinks.filter.values import read_value

DEPTH_LIMIT = 50
TERM_LIMIT = 200


def parse(text: str) -> Node | None:
    """The tree; None for a text of spaces, which lets everything through. Raises FilterError."""
    reader = _Reader(tokens(text))
    if reader.at("end"):
        return None
    node = reader.any_of(0)
    if not reader.at("end"):
        raise reader.unexpected("It has no opening parenthesis." if reader.at(")") else "")
    return node


class _Reader:
    def __init__(self, found: tuple[Token, ...]) -> None:
        self._tokens = found
        self._place = 0
        self._terms = 0

    @property
    def now(self) -> Token:
        return self._tokens[self._place]

    def at(self, kind: TokenKind) -> bool:
        return self.now.kind == kind

    @property
    def _next(self) -> Token:
        return self._tokens[min(self._place + 1, len(self._tokens) - 1)]

    def any_of(self, depth: int) -> Node:
        if depth > DEPTH_LIMIT:
            raise FilterError(f"Parentheses are nested over {DEPTH_LIMIT} deep: write it flatter.", self.now.start, self.now.end)
        parts = [self._all(depth)]
        while self.now.keyword == "or":
            self._step()
            parts.append(self._all(depth))
        return AnyOf(tuple(parts)) if len(parts) > 1 else parts[0]

    def unexpected(self, why: str = "", expected: tuple[str, ...] = ("a field", "a name", "not", "(")) -> FilterError:
        token = self.now
        what = "The filter ends too early" if token.kind == "end" else f"{token.written} cannot stand here"
        return FilterError(f"{what}. {why or f'Expected: {_listed(expected)}.'}", token.start, token.end, expected)

    def _all(self, depth: int) -> Node:
        parts = [self._part(depth)]
        while self.now.kind not in ("end", ")") and self.now.keyword != "or":
            if self.now.keyword == "and":
                self._step()
            parts.append(self._part(depth))
        return All(tuple(parts)) if len(parts) > 1 else parts[0]

    def _part(self, depth: int) -> Node:
        token = self.now
        if token.keyword == "not":
            self._step()
            if depth >= DEPTH_LIMIT:
                raise FilterError(f"It is nested over {DEPTH_LIMIT} deep: write it flatter.", token.start, token.end)
            return Not(self._part(depth + 1))
        if token.kind == "(":
            self._step()
            node = self.any_of(depth + 1)
            if not self.at(")"):
                raise self.unexpected("A parenthesis is not closed.", (")",))
            self._step()
            return node
        if token.kind != "word" or token.keyword:
            raise self.unexpected()
        self._count(token)
        if self._next.kind == "operator" or self._next.keyword == "in" or self._is_not_in():
            return self._term()
        self._step()
        _check_closed(token)
        if token.wild or not "".join(token.parts):
            raise FilterError(
                f"{token.written} is a wildcard without a field: write workload={token.written}, or a part of a name.",
                token.start,
                token.end,
            )
        return Search("".join(token.parts))

    def _is_not_in(self) -> bool:
        behind = self._tokens[min(self._place + 2, len(self._tokens) - 1)]
        return self._next.keyword == "not" and behind.keyword == "in"

    def _term(self) -> Node:
        name = self.now
        field = _field(name)
        self._step()
        negated = self.now.keyword == "not"
        if negated:
            self._step()
        operator = self.now
        self._step()
        if operator.keyword == "in":
            values = self._values(field)
        else:
            values = (self._value(field),)
            _check_operator(field, operator)
        negated = negated or operator.written == "!="
        kind: Operator = operator.written if operator.written in ("<", "<=", ">", ">=") else "in"  # type: ignore[assignment]
        term = Term(field.name, kind, values)
        return Not(term) if negated else term

    def _values(self, field: Field) -> tuple[Value, ...]:
        if not self.at("("):
            return (self._value(field),)
        self._step()
        values = [self._value(field)]
        while self.at(","):
            self._step()
            values.append(self._value(field))
        if not self.at(")"):
            raise self.unexpected("A list is not closed.", (",", ")"))
        self._step()
        return tuple(values)

    def _value(self, field: Field) -> Value:
        token = self.now
        if token.kind != "word":
            raise self.unexpected(f"A value for {field.name} is missing.", ("a value",))
        _check_closed(token)
        self._count(token)
        self._step()
        return read_value(field, token)

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > TERM_LIMIT:
            raise FilterError(f"The filter has over {TERM_LIMIT} terms and values: use wildcards.", token.start, token.end)

    def _step(self) -> None:
        self._place += 1


def _field(token: Token) -> Field:
    name = "".join(token.parts)
    field = field_named(name) if token.bare and not token.wild else None
    if field is None:
        near = difflib.get_close_matches(name.lower(), [*FIELDS, *ALIASES], 3, 0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "`/api/v1/fields` and the manual list them."
        raise FilterError(f"{token.written} is no field: {hint}", token.start, token.end, tuple(near))
    return field


def _check_operator(field: Field, operator: Token) -> None:
    ordered = operator.written in ("<", "<=", ">", ">=")
    if ordered and not (field.is_metric or field.kind == "port"):
        raise FilterError(f"{field.name} has no order: use =, != or in.", operator.start, operator.end, ("=", "!=", "in"))


def _check_closed(token: Token) -> None:
    if not token.closed:
        raise FilterError("A quotation mark is not closed.", token.start, token.end, ('"',))


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
