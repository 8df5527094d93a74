"""Text to tree, by recursive descent.

    filter = all {"or" all}            terms side by side are AND; "or" binds weaker
    all    = part {["and"] part}
    part   = "not" part | "(" filter ")" | term | word
    term   = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value | field ["not"] "in" values
    values = value | "(" value {"," value} ")"

A word without an operator behind it is searched for in names.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.nearest import either, hint, nearest
from sinks.filter.fields import ALIASES, ELSEWHERE, FIELDS, Field, field_named
from sinks.filter.tokens import Token, TokenKind, tokens
from sinks.filter.tree import All, AnyOf, FilterError, Node, Not, Offsets, Operator, Search, Term, Value
from sinks.filter.values import read_value

LENGTH_LIMIT = 4_096
"""Characters of a filter. A link that holds one stays below what servers take."""
DEPTH_LIMIT = 50
TERM_LIMIT = 200
_ORDERED: dict[str, Operator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
_STRAY = {
    "!": ("A ! stands alone: write != for 'is not', or not before a term.", ("!=", "not")),
    "\\": ('A backslash stands outside of quotation marks: put the text into "...".', ()),
}


@dataclass(frozen=True)
class Part:
    """One of the parts that stand side by side, and all of which a row must fulfil. `place`: where it stands, parentheses included."""

    node: Node
    place: Offsets


def parse(text: str) -> Node | None:
    """The tree; None for a text of spaces, which lets everything through. Raises FilterError."""
    found = tuple(part.node for part in parts(text))
    return All(found) if len(found) > 1 else found[0] if found else None


def parts(text: str) -> tuple[Part, ...]:
    """What `parse` joins: the filter is one part if an `or` stands outside of parentheses. Raises FilterError."""
    if len(text) > LENGTH_LIMIT:
        raise FilterError(f"The filter has {len(text):,} characters; {LENGTH_LIMIT:,} are taken: use wildcards.", LENGTH_LIMIT, len(text))
    reader = _Reader(tokens(text))
    if reader.at("end"):
        return ()
    alternatives = reader.alternatives(0)
    if not reader.at("end"):
        raise reader.unexpected("It has no opening parenthesis." if reader.at(")") else "")
    if len(alternatives) == 1:
        return tuple(alternatives[0])
    return (Part(_any_of(alternatives), (alternatives[0][0].place[0], alternatives[-1][-1].place[1])),)


def _any_of(alternatives: list[list[Part]]) -> Node:
    found = [All(tuple(part.node for part in parts)) if len(parts) > 1 else parts[0].node for parts in alternatives]
    return AnyOf(tuple(found)) if len(found) > 1 else found[0]


class _Reader:
    """`depth` is how many parentheses and `not` stand around."""

    def __init__(self, found: tuple[Token, ...]) -> None:
        self._tokens = found
        self._place = 0
        self._terms = 0

    @property
    def now(self) -> Token:
        return self._tokens[self._place]

    def at(self, kind: TokenKind) -> bool:
        return self.now.kind == kind

    def alternatives(self, depth: int) -> list[list[Part]]:
        """Parts side by side, once for each side of an `or`."""
        found = [self._side_by_side(depth)]
        while self.now.keyword == "or":
            self._step()
            found.append(self._side_by_side(depth))
        return found

    def unexpected(self, why: str = "", expected: tuple[str, ...] = ("a field", "a name", "not", "(")) -> FilterError:
        token = self.now
        if token.kind == "stray":
            sentence, expected = _STRAY[token.written]
            return FilterError(sentence, token.start, token.end, expected)
        what = "The filter ends too early" if token.kind == "end" else f"{token.shown} cannot stand here"
        return FilterError(f"{what}. {why or f'Expected: {either(expected)}.'}", token.start, token.end, expected)

    def _side_by_side(self, depth: int) -> list[Part]:
        found = [self._placed(depth)]
        while self.now.kind not in ("end", ")") and self.now.keyword != "or":
            if self.now.keyword == "and":
                self._step()
            found.append(self._placed(depth))
        return found

    def _placed(self, depth: int) -> Part:
        start = self.now.start
        node = self._part(depth)
        return Part(node, (start, self._tokens[self._place - 1].end))

    def _part(self, depth: int) -> Node:
        token = self.now
        if token.keyword == "not" or token.kind == "(":
            if depth >= DEPTH_LIMIT:
                raise FilterError(f"It is nested over {DEPTH_LIMIT} deep: write it flatter.", token.start, token.end)
            return Not(self._negated(depth + 1)) if token.keyword else self._enclosed(depth + 1)
        if token.kind != "word" or token.keyword:
            raise self.unexpected()
        return self._term() if self._is_term() else self._search()

    def _negated(self, depth: int) -> Node:
        self._step()
        return self._part(depth)

    def _enclosed(self, depth: int) -> Node:
        self._step()
        node = _any_of(self.alternatives(depth))
        if not self.at(")"):
            raise self.unexpected("A parenthesis is not closed.", (")",))
        self._step()
        return node

    def _is_term(self) -> bool:
        behind, further = (self._tokens[min(self._place + more, len(self._tokens) - 1)] for more in (1, 2))
        return behind.kind == "operator" or behind.keyword == "in" or behind.keyword == "not" and further.keyword == "in"

    def _search(self) -> Search:
        token = self._word()
        if not token.wild and not token.word:
            raise FilterError(f'{token.shown} is no name: write server="" for servers without one.', token.start, token.end)
        if token.wild:
            hint = f"write workload={token.shown}, or a part of a name."
            raise FilterError(f"{token.shown} is a wildcard without a field: {hint}", token.start, token.end)
        return Search(token.word, (token.start, token.end))

    def _term(self) -> Node:
        start = self.now.start
        field = _field(self.now)
        self._step()
        negated = self.now.keyword == "not"
        if negated:
            self._step()
        operator = self.now
        self._step()
        values = self._values(field) if operator.keyword else (self._value(field),)
        if operator.written in _ORDERED:
            _check_order(field, operator)
        term = Term(field.name, _ORDERED.get(operator.written, "in"), values, (start, self._tokens[self._place - 1].end))
        return Not(term) if negated or operator.written == "!=" else term

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
        if not self.at("word"):
            raise self.unexpected(f"A value for {field.name} is missing.", ("a value",))
        if self.now.keyword:
            why = f'A value for {field.name} is missing, or is to be quoted: "{self.now.shown}".'
            raise self.unexpected(why, ("a value",))
        return read_value(field, self._word())

    def _word(self) -> Token:
        """The word that is here; the reader goes on behind it."""
        token = self.now
        if not token.closed:
            raise FilterError("A quotation mark is not closed.", token.start, token.end, ('"',))
        self._terms += 1
        if self._terms > TERM_LIMIT:
            raise FilterError(f"The filter has over {TERM_LIMIT} words and values: use wildcards.", token.start, token.end)
        self._step()
        return token

    def _step(self) -> None:
        self._place += 1


def _field(token: Token) -> Field:
    field = field_named(token.word) if token.bare and not token.wild else None
    if field is not None:
        return field
    near = _near(token.word.lower())
    raise FilterError(f"{token.shown} is no field: {hint(near, FIELDS)}", token.start, token.end, near or tuple(FIELDS))


def _near(name: str) -> tuple[str, ...]:
    if name in ELSEWHERE:
        return (ELSEWHERE[name],)
    return nearest(name, (*FIELDS, *ALIASES), 3)


def _check_order(field: Field, operator: Token) -> None:
    if not (field.is_metric or field.kind == "port"):
        raise FilterError(f"{field.name} has no order: use =, != or in.", operator.start, operator.end, ("=", "!=", "in"))
