"""A tree as SQL. Of what a user wrote only numbers and plain names stand in it (`sinks.engines.quoting.literal`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.addresses import format_address
from sinks.engines.quoting import literal
from sinks.filter.fields import FIELDS, SEARCHED
from sinks.filter.tree import (
    All,
    Amount,
    AnyOf,
    FilterError,
    Node,
    Not,
    Pattern,
    Prefix,
    Search,
    Term,
    Value,
    is_metric,
    joined,
    place_of,
    shown,
    side_by_side,
    text,
    walk,
)

Columns = Mapping[str, str]
"""Name of a dimension or metric -> its SQL, over the rows that are filtered."""


@dataclass(frozen=True)
class Split:
    """`where`: on what rows are. `having`: on what their sums are."""

    where: Node | None
    having: Node | None


def split(node: Node | None) -> Split:
    """Raises FilterError where an `or` joins both kinds: there is no time at which it could be asked."""
    where: list[Node] = []
    having: list[Node] = []
    for part in () if node is None else side_by_side(node):
        kinds = {is_metric(leaf) for leaf in walk(part)}
        if len(kinds) > 1:
            sentence = f"'{shown(text(part))}' joins names and sums by or, or denies them together: put them side by side, or ask twice."
            raise FilterError(sentence, *place_of(part))
        (having if True in kinds else where).append(part)
    return Split(joined(where), joined(having))


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
            return _any([f"positionCaseInsensitive({columns[name]}, {literal(word)}) > 0" for name in SEARCHED])
        case Term(name, operator, values):
            names = FIELDS[name].ends or (name,)
            return _any([_compare(columns, one, operator, values) for one in names])
        case Not(part):
            return f"NOT ({condition(part, columns)})"
        case All(parts):
            return f"({' AND '.join(condition(part, columns) for part in parts)})"
        case AnyOf(parts):
            return f"({' OR '.join(condition(part, columns) for part in parts)})"
    raise AssertionError(node)


def _compare(columns: Columns, name: str, operator: str, values: tuple[Value, ...]) -> str:
    column = columns[name]
    if isinstance(values[0], Amount):
        sign = "=" if operator == "in" else operator
        return _any([_measured(columns, name, sign, value) for value in values if isinstance(value, Amount)])
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


def _measured(columns: Columns, name: str, sign: str, value: Amount) -> str:
    """Neither what was not measured nor a share of nothing is more or less than anything."""
    if not value.is_share:
        return f"ifNull({columns[name]} {sign} {value.number!r}, 0)"
    whole = f"({' + '.join(columns[part] for part in FIELDS[name].share_of)})"
    return f"ifNull({whole} > 0 AND {columns[name]} {sign} {value.number!r} * {whole}, 0)"


def _address(address: bytes) -> str:
    return f"toIPv6('{format_address(address)}')"


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _any(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
