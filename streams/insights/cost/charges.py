"""Rows of traffic into charges: each direction by its class, each charge by its price, month by month, in whole nanos.

1. A row's place gives a class for each direction; the class, the regions and the time give a price for each payer.
2. What one price is found for fills its tiers together: first all traffic of the month before, then that of the span (`totals`).
3. The rows bear their part of that in proportion to their bytes, rounded to a whole nano, a half up; each row has whole nanos by largest
   remainders. So rows add up to the sum, and filtered rows cost what they cost among all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from streams.insights.cost.classes import DIRECTIONS, Direction, Place, base_class, why_unknown
from streams.insights.cost.prices import PAYERS, Prices
from streams.insights.cost.tiers import byte_nanos, rounded, spread


@dataclass(frozen=True)
class Step:
    """A part of the span within which prices and the month stay the same; UTC seconds, half open. `month`: its first second."""

    start_s: int
    end_s: int
    month_s: int


class Traffic(NamedTuple):
    """One row: the place of its step, and bytes each way. Step -1 is of the first month, before the span."""

    step: int
    place: Place
    sent: int
    received: int

    def moved(self, direction: Direction) -> int:
        return self.sent if direction == "sent" else self.received


class Charge(NamedTuple):
    """Of one row and direction. `price`: its place in the table. `nano` None: it has none, and `why` says what is missing; `payer` is "".

    `is_first`: of the charges of the same bytes one is, by which bytes are counted once. `is_on_top`: of what the bytes go through.
    """

    row: int
    direction: Direction
    of_class: str
    payer: str
    bytes: int
    nano: int | None
    is_first: bool
    is_on_top: bool
    price: int | None = None
    why: str = ""


class _Due(NamedTuple):
    of_class: str
    payer: str
    price: int | None
    is_first: bool
    is_on_top: bool
    why: str = ""


class _Rules:
    """The charges that are due for a place, remembered: there are few places."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._known: dict[tuple[Place, Direction, int], tuple[_Due, ...]] = {}

    def due(self, place: Place, direction: Direction, at_s: int) -> tuple[_Due, ...]:
        key = (place, direction, at_s)
        if key not in self._known:
            self._known[key] = tuple(self._found(place, direction, at_s))
        return self._known[key]

    def _found(self, place: Place, direction: Direction, at_s: int) -> Iterator[_Due]:
        prices = self._prices
        of_class = prices.ranges[place.range_at - 1].of_class if place.range_at else base_class(place, direction)
        yield from self._by_payer(of_class, place.regions(direction), at_s, why_unknown(place) if of_class == "unknown" else "")
        if place.through_at:
            yield from self._by_payer(prices.throughs[place.through_at - 1].of_class, place.near_first, at_s, "", is_on_top=True)

    def _by_payer(self, of_class: str, ends: tuple[str, str], at_s: int, why: str, *, is_on_top: bool = False) -> Iterator[_Due]:
        is_first = True
        for payer in PAYERS:
            price = self._prices.place(of_class, payer, ends, at_s)
            if price is not None:
                yield _Due(of_class, payer, price, is_first, is_on_top)
                is_first = False
        if is_first:
            sender, receiver = (end or "outside" for end in ends)
            yield _Due(of_class, "", None, True, is_on_top, why or f"no price of {of_class} from {sender} to {receiver}")


def charges_of(rows: Sequence[Traffic], totals: Sequence[Traffic], steps: Sequence[Step], prices: Prices) -> list[Charge]:
    """`rows`: what is asked for. `totals`: all traffic of the same steps, and of the first month before them. In the order of `rows`."""
    rules = _Rules(prices)
    by_step: defaultdict[int, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        by_step[row.step].append(at)
    found: list[Charge] = []
    for number, step in enumerate(steps):
        if by_step[number]:
            pools = _pools(totals, steps, number, rules)
            found += _of_step(rows, by_step[number], step, pools, rules, prices)
    return sorted(found, key=lambda charge: charge.row)


def _pools(totals: Iterable[Traffic], steps: Sequence[Step], number: int, rules: _Rules) -> dict[int, tuple[int, int]]:
    """By the place of a price: bytes of the month before the step, and bytes of the step, as the step's own prices have them."""
    step = steps[number]
    found: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in totals:
        month_s = steps[max(row.step, 0)].month_s
        if row.step > number or month_s != step.month_s:
            continue
        for direction in DIRECTIONS:
            for due in rules.due(row.place, direction, step.start_s):
                if due.price is not None:
                    found[due.price][row.step == number] += row.moved(direction)
    return {price: (before, count) for price, (before, count) in found.items()}


def _of_step(
    rows: Sequence[Traffic], chosen: Sequence[int], step: Step, pools: dict[int, tuple[int, int]], rules: _Rules, prices: Prices
) -> Iterator[Charge]:
    priced: defaultdict[int, list[tuple[int, Direction, _Due, int]]] = defaultdict(list)
    for at in chosen:
        row = rows[at]
        for direction in DIRECTIONS:
            count = row.moved(direction)
            for due in rules.due(row.place, direction, step.start_s) if count else ():
                if due.price is None:
                    yield Charge(at, direction, due.of_class, due.payer, count, None, due.is_first, due.is_on_top, None, due.why)
                else:
                    priced[due.price].append((at, direction, due, count))
    for price, entries in priced.items():
        weights = [count for *_, count in entries]
        before, pooled = pools.get(price, (0, 0))
        pooled = max(pooled, sum(weights))
        amount = byte_nanos(prices.prices[price].tiers, before, pooled) * sum(weights)
        shares = spread(rounded(amount, prices.gb_bytes * pooled), weights)
        for (at, direction, due, count), nano in zip(entries, shares, strict=True):
            yield Charge(at, direction, due.of_class, due.payer, count, nano, due.is_first, due.is_on_top, price)
