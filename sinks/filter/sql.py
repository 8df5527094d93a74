"""A tree as SQL. Of what a user wrote only numbers and plain names stand in it (`sinks.engines.quoting.literal`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.addresses import format_address
from sinks.engines.quoting import literal
from sinks.filter.fields import FIELDS, SEARCHED
from sinks.filter.tree import All, Amount, AnyOf, FilterError, Node, Not, Pattern, Prefix, Search, Term, Value, text, walk

Columns = Mapping[str, str]
"""Name of a dimension or metric -> its SQL, over the rows that are filtered."""


@dataclass(frozen=True)
class Split:
    """`where`: on what rows are. `having`: on what their sums are."""

    where: Node | None
    having: Node | None


def split(node: Node | None) -> Split:
    """Raises FilterError where an `or` joins both kinds: there is no time at which it could be asked."""
    parts = () if node is None else node.parts if isinstance(node, All) else (node,)
    flat = [leaf for part in parts for leaf in (part.parts if isinstance(part, All) else (part,))]
    where: list[Node] = []
    having: list[Node] = []
    for part in flat:
        kinds = {_is_metric(leaf) for leaf in walk(part)}
        if len(kinds) > 1:
            sentence = f"'{text(part)}' joins names and sums by or, or denies them together: put them side by side, or ask twice."
            raise FilterError(sentence, 0, 0)
        (having if True in kinds else where).append(part)
    return Split(_all(where), _all(having))


def dimensions_of(node: Node | None) -> frozenset[str]:
    """Names of the dimensions with one value a row that the tree needs."""
    found: set[str] = set()
    for leaf in () if node is None else walk(node):
        if isinstance(leaf, Search):
            found.update(SEARCHED)
        elif not FIELDS[leaf.field].is_metric:
            found.update(FIELDS[leaf.field].ends or (leaf.field,))
    return frozenset(found)


def metrics_of(node: Node | None) -> frozenset[str]:
    """Names of the metrics that the tree needs, those of shares included."""
    found: set[str] = set()
    for leaf in () if node is None else walk(node):
        if isinstance(leaf, Term) and FIELDS[leaf.field].is_metric:
            found.add(leaf.field)
            if any(isinstance(value, Amount) and value.is_share for value in leaf.values):
                found.update(FIELDS[leaf.field].share_of)
    return frozenset(found)


def condition(node: Node | None, columns: Columns) -> str:
    """SQL that is 1 where the tree lets a row through, and 0 elsewhere, never NULL. `columns` has all that the tree speaks of."""
    match node:
        case None:
            return "1"
        case Search(word):
            searched = [columns[name] for name in SEARCHED if name in columns]
            return _any([f"positionCaseInsensitiveUTF8({column}, {literal(word)}) > 0" for column in searched])
        case Term(name, operator, values):
            names = FIELDS[name].ends or (name,)
            return _any([_compare(columns, one, operator, values) for one in names])
        case Not(part):
            return f"NOT {condition(part, columns)}"
        case All(parts):
            return f"({' AND '.join(condition(part, columns) for part in parts)})"
        case AnyOf(parts):
            return f"({' OR '.join(condition(part, columns) for part in parts)})"
    raise AssertionError(node)


def _compare(columns: Columns, name: str, operator: str, values: tuple[Value, ...]) -> str:
    column = columns[name]
    if isinstance(values[0], Amount):
        sign = "=" if operator == "in" else operator
        return _any([f"ifNull({column} {sign} {_amount(columns, name, value)}, 0)" for value in values if isinstance(value, Amount)])
    if operator != "in":
        return f"({column} {operator} {values[0]})"
    whole = [_exact(value) for value in values if not (isinstance(value, Prefix) or isinstance(value, Pattern) and len(value.parts) > 1)]
    found = [f"{column} IN ({', '.join(whole)})"] if whole else []
    for value in values:
        if isinstance(value, Prefix):
            found.append(f"({column} >= {_address(value.first)} AND {column} <= {_address(value.last)})")
        elif isinstance(value, Pattern) and len(value.parts) > 1:
            found.append(f"{column} LIKE {literal('%'.join(map(_escaped, value.parts)))}")
    return _any(found)


def _exact(value: Value) -> str:
    return literal(value.parts[0]) if isinstance(value, Pattern) else str(value)


def _amount(columns: Columns, name: str, value: Amount) -> str:
    if not value.is_share:
        return repr(value.number)
    return f"{value.number!r} * ({' + '.join(columns[part] for part in FIELDS[name].share_of)})"


def _address(address: bytes) -> str:
    return f"toIPv6('{format_address(address)}')"


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _is_metric(leaf: Term | Search) -> bool:
    return isinstance(leaf, Term) and FIELDS[leaf.field].is_metric


def _all(parts: list[Node]) -> Node | None:
    return All(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _any(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
