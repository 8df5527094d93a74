"""What transfer costs: movements asked of the tables, priced by `streams.insights.cost`, added up by class and by dimensions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa

from sinks.filter.sql import dimensions_of, metrics_of
from sinks.filter.tree import Node
from sinks.queries.cost import BY as BY_COLUMN
from sinks.queries.cost import ENDS, PLACE, RANGE, THROUGH, Moved, Movements, ask_movements, planned
from sinks.queries.edges import Ask
from sinks.queries.spans import Oldest, Plan, Span
from streams.insights.cost.charges import Charge, Step, Traffic, charges_of
from streams.insights.cost.classes import Place
from streams.insights.cost.prices import NO_PRICES, Prices
from streams.insights.cost.savings import Basis, Pair, Saving, savings
from weir.query_options import BadParameter, dimensions, listed, read_instant, read_span

BY = ("client", "server")
UNPRICED_LIMIT = 100
"""So many groups of what has no price are told, the largest; the classes have all of it."""
_MAPPED = "::ffff:"


@dataclass(frozen=True)
class CostQuestion:
    """`until_s`: up to when the tables are complete. `limit`: lines; all others are one."""

    span: Span
    by: tuple[str, ...] = BY
    where: Node | None = None
    limit: int = 100
    until_s: int = 0

    @property
    def asked_span(self) -> Span:
        """With the part of the month before: tiers are filled by it."""
        return Span(month_start(self.span.start_s), self.span.end_s)


class ClassLine(NamedTuple):
    """`payer` "" and `nano` None: without a price. Bytes that two payers pay for are in both lines."""

    of_class: str
    payer: str
    bytes: int
    nano: int | None


class Line(NamedTuple):
    """`names`: of the dimensions asked by. What has a price and what has none are two lines; bytes through NAT are in its line again."""

    names: tuple[str, ...]
    of_class: str
    bytes: int
    nano: int | None


class Other(NamedTuple):
    """What all lines that are not told have together. `nano` None: none of them has a price."""

    lines: int
    bytes: int
    nano: int | None


class Unpriced(NamedTuple):
    """`server`: its domain where it has no name. `why`: half a sentence."""

    of_class: str
    client: str
    server: str
    bytes: int
    why: str


@dataclass(frozen=True)
class Cost:
    """`total_nano`: of what has a price; None: nothing has, or nothing is there. `unpriced`: the largest.

    `estimate`: a sentence that says that it is one.
    """

    prices: Prices
    total_nano: int | None
    classes: tuple[ClassLine, ...]
    lines: tuple[Line, ...]
    other: Other
    unpriced: tuple[Unpriced, ...]
    savings: tuple[Saving, ...]
    estimate: str
    plan: Plan
    warnings: tuple[str, ...]
    sql: str


def month_start(at_s: int) -> int:
    """The first second of the UTC month, in which tiers begin."""
    day = datetime.fromtimestamp(at_s, UTC)
    return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp())


def read_by(text: str) -> tuple[str, ...]:
    """Dimensions by comma. `class`, which every line has, may be among them. Raises BadParameter."""
    return dimensions(",".join(name for name in listed(text) if name != "class"))


def read_cost_span(start: str | None, end: str, now_s: int) -> Span:
    """`start` None: where the month of the end begins. Raises BadParameter."""
    if start is not None:
        return read_span(start, end, now_s)
    end_s = read_instant("to", end, now_s)
    return read_span(str(month_start(max(end_s - 1, 0))), end, now_s)


def cost(ask: Ask, oldest: Oldest, prices: Prices, question: CostQuestion) -> Cost:
    """Raises BadParameter for a filter by sums, and what `ask` and `plan` raise."""
    if metrics_of(question.where):
        raise BadParameter("q", "Cost is asked by names, places and addresses: leave sums such as bytes>1GB out of the filter.")
    moved, steps = _moved(ask, oldest, prices, question)
    traffic = _traffic(moved.rows)
    charges = charges_of(traffic, _added(_traffic(moved.totals)), steps, prices)
    pairs = _pairs(moved.rows, traffic)
    told, other = _told(_lines(charges, _names(moved.rows, question.by)), question.limit)
    return Cost(
        prices,
        _sum(charge.nano for charge in charges) if charges else None,
        _classes(charges),
        told,
        other,
        _unpriced(charges, pairs),
        savings(Basis(charges, pairs, prices, _known_seconds(moved.plan.span, oldest, question.until_s), steps[-1].start_s)),
        _estimate(prices),
        moved.plan,
        (*moved.warnings, *_unchecked(charges, prices)),
        moved.sql,
    )


def _moved(ask: Ask, oldest: Oldest, prices: Prices, question: CostQuestion) -> tuple[Moved, tuple[Step, ...]]:
    ranges, throughs = (tuple(one.where for one in rules) for rules in (prices.ranges, prices.throughs))
    wanted = dimensions_of(question.where) | set(question.by)
    rows = planned(question.span, wanted, (*ranges, *throughs), oldest)
    steps = steps_of(rows.span, prices)
    starts = tuple(step.start_s for step in steps)
    asked = Movements(rows.span, starts, steps[0].month_s, question.by, question.where, ranges, throughs)
    return ask_movements(ask, asked, rows, oldest), steps


def _known_seconds(span: Span, oldest: Oldest, until_s: int) -> int:
    """How much of the span lies between the first row that is kept and the last window that is complete."""
    return min(span.end_s, until_s or span.end_s) - max(span.start_s, min(oldest.values(), default=0))


def steps_of(span: Span, prices: Prices) -> tuple[Step, ...]:
    """Cut where a month begins, and where a price begins or ends."""
    cuts = {edge for price in prices.prices for edge in (price.since_s, price.until_s)}
    month_s = month_start(span.end_s - 1)
    while month_s > span.start_s:
        cuts.add(month_s)
        month_s = month_start(month_s - 1)
    inside = sorted(cut for cut in cuts if span.start_s < cut < span.end_s)
    edges = [span.start_s, *inside, span.end_s]
    return tuple(Step(start, end, month_start(start)) for start, end in zip(edges, edges[1:], strict=False))


def _traffic(found: pa.Table) -> list[Traffic]:
    known: dict[tuple[object, ...], Place] = {}
    keys = zip(*(found.column(name).to_pylist() for name in (*PLACE, RANGE, THROUGH)), strict=True)
    places = [known.setdefault(key, Place(*key)) for key in keys]
    columns = (found.column(name).to_pylist() for name in ("step", "bytes_sent", "bytes_received"))
    return [Traffic(step, place, sent, received) for place, step, sent, received in zip(places, *columns, strict=True)]


def _added(traffic: Iterable[Traffic]) -> list[Traffic]:
    """One for each step and place. By hand: Arrow loads pandas to group a table, a third of a second."""
    sums: defaultdict[tuple[int, Place], list[int]] = defaultdict(lambda: [0, 0])
    for row in traffic:
        one = sums[row.step, row.place]
        one[0] += row.sent
        one[1] += row.received
    return [Traffic(step, place, sent, received) for (step, place), (sent, received) in sums.items()]


def _pairs(found: pa.Table, traffic: Sequence[Traffic]) -> list[Pair]:
    names = zip(*(found.column(f"{BY_COLUMN}{name}").to_pylist() for name in ENDS), strict=True)
    payload = zip(*(found.column(f"payload_bytes_{way}").to_pylist() for way in ("sent", "received")), strict=True)
    return [
        Pair(row.place, client, server, domain, row.sent + row.received, sum(both))
        for row, (client, server, domain), both in zip(traffic, names, payload, strict=True)
    ]


def _names(found: pa.Table, by: Sequence[str]) -> list[tuple[str, ...] | None]:
    """By row; None of a row whose names are not told."""
    columns = [found.column(f"{BY_COLUMN}{name}").to_pylist() for name in by]
    names = [tuple(name.removeprefix(_MAPPED) for name in row) for row in zip(*columns, strict=True)] if by else [()] * found.num_rows
    return [row if not by or named else None for row, named in zip(names, found.column("named").to_pylist(), strict=True)]


def _sum(nanos: Iterable[int | None]) -> int | None:
    """None where there is something, and none of it has a price."""
    every = list(nanos)
    known = [nano for nano in every if nano is not None]
    return None if every and not known else sum(known)


class _Sum(NamedTuple):
    names: tuple[str, ...] | None
    of_class: str
    bytes: int
    nano: int | None


def _lines(charges: Iterable[Charge], names: Sequence[tuple[str, ...] | None]) -> list[_Sum]:
    """The dearest first, then the largest."""
    sums: defaultdict[tuple[tuple[str, ...] | None, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    for charge in charges:
        one = sums[names[charge.row], charge.of_class, charge.nano is not None]
        one[0] += charge.bytes if charge.is_first else 0
        one[1] += charge.nano or 0
    found = [_Sum(name, of_class, count, nano if priced else None) for (name, of_class, priced), (count, nano) in sums.items()]
    return sorted(found, key=lambda line: (-(line.nano or 0), -line.bytes, line.names or (), line.of_class))


def _told(lines: Sequence[_Sum], limit: int) -> tuple[tuple[Line, ...], Other]:
    """The first lines that have names, and all others."""
    named = [Line(line.names, *line[1:]) for line in lines if line.names is not None]
    left = [*(line[2:] for line in named[limit:]), *(line[2:] for line in lines if line.names is None)]
    return tuple(named[:limit]), Other(len(left), sum(count for count, _ in left), _sum(nano for _, nano in left))


def _classes(charges: Iterable[Charge]) -> tuple[ClassLine, ...]:
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for charge in charges:
        one = sums[charge.of_class, charge.payer]
        one[0] += charge.bytes
        one[1] += charge.nano or 0
    found = [ClassLine(of_class, payer, count, nano if payer else None) for (of_class, payer), (count, nano) in sums.items()]
    return tuple(sorted(found, key=lambda line: (-(line.nano or 0), -line.bytes, line.of_class, line.payer)))


def _unpriced(charges: Iterable[Charge], pairs: Sequence[Pair]) -> tuple[Unpriced, ...]:
    sums: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for charge in charges:
        if charge.nano is None:
            pair = pairs[charge.row]
            sums[charge.of_class, pair.client, pair.server or pair.domain, charge.why] += charge.bytes
    found = [Unpriced(of_class, client, server, count, why) for (of_class, client, server, why), count in sums.items()]
    return tuple(sorted(found, key=lambda one: (-one.bytes, one))[:UNPRICED_LIMIT])


def _estimate(prices: Prices) -> str:
    if prices == NO_PRICES:
        return "Nothing has a price: set WEIR_PRICES_FILE to aws, azure or gcp, or to a price table of your own."
    if not prices.prices:
        return f"Nothing has a price: the price table {prices.source} has no [[price]]; write some, or base for a shipped table."
    dated = f", as of {prices.as_of}" if prices.as_of else ""
    return (
        f"An estimate by list prices ({prices.source}{dated}), never the bill: discounts, other traffic of the account, and ways through "
        "NAT and gateways that the price table does not tell are not in it."
    )


def _unchecked(charges: Iterable[Charge], prices: Prices) -> tuple[str, ...]:
    used = {charge.price for charge in charges if charge.nano}
    classes = sorted({price.of_class for number, price in enumerate(prices.prices) if number in used and not price.checked})
    return (f"Some prices of {', '.join(classes)} were not checked against the provider's own: the table says which.",) if classes else ()
