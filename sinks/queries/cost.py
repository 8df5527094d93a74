"""Traffic by what its price follows from: of a span, and, for the tiers of its first month, of that month before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import WeirError
from sinks.filter.sql import Columns, condition, dimensions_of
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.sources import canonical_of, columns, source_of, within
from sinks.queries.spans import Level, Oldest, Plan, Span, plan

PLACE = ("client_zone", "server_zone", "client_region", "server_region", "reason")
ENDS = ("client", "server", "domain")
RANGE, THROUGH = "range_at", "through_at"
BY = "by_"
"""Stands before the names of dimensions that are asked by, and of ENDS: a zone may be both."""
NAMED_LIMIT = 50_000
"""Of so many groups the names are told; all others are one for each place."""
_SUMS = ("bytes_sent", "bytes_received", "payload_bytes_sent", "payload_bytes_received")
_KEYS = ("step", *(f"p_{name}" for name in PLACE), RANGE, THROUGH)
_ADDED = ", ".join(f"sum(m_{name}) AS {name}" for name in _SUMS)
_AGAIN = ", ".join(f"sum({name}) AS {name}" for name in _SUMS)


@dataclass(frozen=True)
class Movements:
    """A question. `steps`: where the span's steps begin, in UTC seconds; the first is the span's own. `month_s`: the start of its month.

    `ranges`, `throughs`: filters; of each list the first that lets a row through counts. `where`: of the rows; the totals have none.
    """

    span: Span
    steps: tuple[int, ...]
    month_s: int
    by: tuple[str, ...]
    where: Node | None = None
    ranges: tuple[Node, ...] = ()
    throughs: tuple[Node, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys((*ENDS, *self.by)))


@dataclass(frozen=True)
class Moved:
    """`rows`: by `step`, PLACE, RANGE, THROUGH, and BY with ENDS and `by`, all text; `named` is 0 of what is beyond NAMED_LIMIT.

    `totals`: by `step`, PLACE, RANGE and THROUGH, of which each may come more than once. Step -1 is of the month before the span.
    Both have bytes each way, of one state.
    """

    rows: pa.Table
    totals: pa.Table
    plan: Plan
    warnings: tuple[str, ...]
    sql: str


def planned(span: Span, question_dimensions: frozenset[str], rules: Sequence[Node], oldest: Oldest) -> Plan:
    """The pieces of the rows: rules by address and filters by address are answered from raw flows alone."""
    return plan(span, _levels(question_dimensions, rules), oldest)


def ask_movements(ask: Ask, question: Movements, rows: Plan, oldest: Oldest) -> Moved:
    """`rows`: of the same span, by `planned`."""
    rules = (*question.ranges, *question.throughs)
    levels = _levels(frozenset(), rules)
    span = plan(question.span, levels, oldest)
    before, warnings = _before(question, levels, oldest)
    is_all = question.where is None  # then the rows are the totals of the span
    beside = [one for one in (None if is_all else span, before) if one is not None]
    parts = [_rows(question, rows), *([_totals(question, beside)] if beside else [])]
    statement = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)  # noqa: S608 (composed of weir's own names)
    found = ask(statement)
    told, totals = _part(found, True), _part(found, False)
    if is_all:
        totals = pa.concat_tables([totals, told])
    return Moved(told, totals, rows, (*rows.warnings, *warnings), statement)


def _levels(dimensions: frozenset[str], rules: Sequence[Node]) -> tuple[Level, ...]:
    of_rules = [dimensions_of(rule) for rule in rules]
    return source_of(dimensions.union(*of_rules), "canonical").levels


def _before(question: Movements, levels: tuple[Level, ...], oldest: Oldest) -> tuple[Plan | None, tuple[str, ...]]:
    """The month before the span, as far as it is known."""
    span = Span(question.month_s, question.span.start_s)
    if span.seconds <= 0:
        return None, ()
    begins = min(oldest.values(), default=span.end_s)
    try:
        found = plan(span, levels, oldest)
    except WeirError:
        found = None
    if found is not None and found.span.start_s <= span.start_s and begins <= span.start_s:
        return found, ()
    since = "nothing of it is kept" if found is None or begins >= span.end_s else "a part of it is not kept"
    return found, (f"Tiers are filled by the month's traffic before the span too, and {since}: what they cost may differ.",)


def _rows(question: Movements, rows: Plan) -> str:
    """The largest groups by their names, and all others by their place."""
    names = [f"d_{name}" for name in question.names]
    each = " UNION ALL ".join(_read(table, spans, question, question.names, question.where) for table, spans in _by_table(rows).items())
    keys = ", ".join([*_KEYS, *names])
    grouped = f"SELECT {keys}, {_ADDED} FROM ({each}) GROUP BY {keys}"  # noqa: S608 (composed of weir's own names)
    largest = f"row_number() OVER (ORDER BY bytes_sent + bytes_received DESC, {keys}) <= {NAMED_LIMIT}"
    told = ", ".join(f"if(is_named, {name}, '') AS n_{name}" for name in names)
    return (
        f"SELECT toUInt8(1) AS is_row, toUInt8(is_named) AS named, {', '.join(_KEYS)}, {told}, {_AGAIN} "  # noqa: S608
        f"FROM (SELECT *, {largest} AS is_named FROM ({grouped})) "
        f"GROUP BY named, {', '.join(_KEYS)}, {', '.join(f'n_{name}' for name in names)}"
    )


def _totals(question: Movements, plans: Sequence[Plan]) -> str:
    tables = _by_table(*plans).items()
    each = " UNION ALL ".join(_read(table, spans, question, (), None) for table, spans in tables)
    untold = ", ".join(f"'' AS n_d_{name}" for name in question.names)
    keys = ", ".join(_KEYS)
    return f"SELECT toUInt8(0) AS is_row, toUInt8(1) AS named, {keys}, {untold}, {_ADDED} FROM ({each}) GROUP BY {keys}"  # noqa: S608


def _read(table: str, spans: Sequence[Span], question: Movements, names: Sequence[str], where: Node | None) -> str:
    known = columns(table)
    shown = [
        f"{_step(question.steps)} AS step",
        *(f"toString({known[name]}) AS p_{name}" for name in PLACE),
        f"{_first(question.ranges, known)} AS {RANGE}",
        f"{_first(question.throughs, known)} AS {THROUGH}",
        *(f"toString({known[name]}) AS d_{name}" for name in names),
        *(f"toUInt64({known[name]}) AS m_{name}" for name in _SUMS),
    ]
    asked = "" if where is None else f" AND {condition(where, known)}"
    return f"SELECT {', '.join(shown)} FROM weir.{table} WHERE {within(*spans)}{canonical_of(table, 'canonical')}{asked}"  # noqa: S608


def _step(steps: Sequence[int]) -> str:
    """Which step a row begins in; -1: before the first."""
    cases = ", ".join(f"window_start < toDateTime({at}, 'UTC'), {number - 1}" for number, at in enumerate(steps))
    return f"toInt32(multiIf({cases}, {len(steps) - 1}))"


def _first(rules: Sequence[Node], known: Columns) -> str:
    """The place of the first filter that lets a row through, from 1 on; 0: none does."""
    cases = ", ".join(f"{condition(rule, known)}, {number}" for number, rule in enumerate(rules, 1))
    return f"toInt32(multiIf({cases}, 0))" if rules else "toInt32(0)"


def _by_table(*plans: Plan) -> Mapping[str, list[Span]]:
    """Each table is read once."""
    found: dict[str, list[Span]] = {}
    for one in plans:
        for piece in one.pieces:
            found.setdefault(piece.table, []).append(piece.span)
    return found


def _part(found: pa.Table, is_row: bool) -> pa.Table:
    """In an order that does not depend on the engine's. Compared with nothing: Arrow loads pandas to make a scalar, a third of a second."""
    chosen = found.column("is_row").cast(pa.bool_())
    part = found.filter(chosen if is_row else pc.invert(chosen)).drop_columns(["is_row"])
    renamed = part.rename_columns([name.replace("n_d_", BY).removeprefix("p_") for name in part.column_names])
    keys = [(name, "ascending") for name in renamed.column_names if name not in _SUMS]
    return renamed.sort_by(keys)
