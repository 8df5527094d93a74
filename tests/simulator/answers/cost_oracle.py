"""What traffic costs, reckoned another way: by fractions, gigabyte by gigabyte, from the labels that its maker gave it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from streams.insights.cost.charges import Step
from streams.insights.cost.prices import Price, Prices
from tests.simulator.answers.cost import Labelled

Key = tuple[int, str, str, str]
"""Row, direction, class, payer."""


def reckoned(rows: Sequence[Labelled], totals: Sequence[Labelled], steps: Sequence[Step], prices: Prices) -> dict[Key, int | None]:
    """Nanos of each charge; None: no price is found, and the payer is ""."""
    found: dict[Key, int | None] = {}
    for number, step in enumerate(steps):
        due: defaultdict[int, list[tuple[Key, int]]] = defaultdict(list)
        for at, row in enumerate(rows):
            if row.traffic.step == number:
                for direction, of_class, payer, price, count in _charged(row, step.start_s, prices):
                    key = (at, direction, of_class, payer)
                    if price is None:
                        found[key] = None
                    else:
                        due[price].append((key, count))
        pools = _pools(totals, steps, number, prices)
        for price, entries in due.items():
            found |= _shared(entries, pools[price], prices.prices[price], prices.gb_bytes)
    return found


def exact_cost(price: Price, gb_bytes: int, first: int, last: int) -> Fraction:
    """In the currency's unit, of the month's bytes from `first` to `last`: each tier's part at its price of a gigabyte."""
    total, low = Fraction(0), 0
    for tier in price.tiers:
        high = last if tier.to_bytes is None else tier.to_bytes
        part = max(0, min(last, high) - max(first, low))
        total += Fraction(part, gb_bytes) * Fraction(tier.nano, 10**9)
        low = high
    return total


def _charged(row: Labelled, at_s: int, prices: Prices) -> list[tuple[str, str, str, int | None, int]]:
    found: list[tuple[str, str, str, int | None, int]] = []
    client, server = row.ends
    near = (server, client) if client == "outside" else (client, server)
    for direction, of_class, ends, count in (
        ("sent", row.sent_class, (client, server), row.traffic.sent),
        ("received", row.received_class, (server, client), row.traffic.received),
    ):
        if not count:
            continue
        wanted = [(of_class, ends)] + ([("nat", near)] if row.traffic.place.through_at else [])
        for name, (sender, receiver) in wanted:
            payers = [(payer, _first(prices, name, payer, sender, receiver, at_s)) for payer in ("sender", "receiver", "owner")]
            hits = [(payer, price) for payer, price in payers if price is not None] or [("", None)]
            found += [(direction, name, payer, price, count) for payer, price in hits]
    return found


def _first(prices: Prices, of_class: str, payer: str, sender: str, receiver: str, at_s: int) -> int | None:
    for at, one in enumerate(prices.prices):
        if (one.of_class, one.payer) != (of_class, payer) or at_s not in range(one.since_s, one.until_s):
            continue
        if _like(one.senders, sender) and _like(one.receivers, receiver):
            return at
    return None


def _like(patterns: Sequence[str], name: str) -> bool:
    return bool(re.fullmatch("|".join(re.escape(one).replace(r"\*", ".*") for one in patterns), name))


def _pools(totals: Sequence[Labelled], steps: Sequence[Step], number: int, prices: Prices) -> dict[int, tuple[int, int]]:
    """By price: bytes of the month before the step, and up to its end."""
    step = steps[number]
    begun: defaultdict[int, int] = defaultdict(int)
    ended: defaultdict[int, int] = defaultdict(int)
    for row in totals:
        own = row.traffic.step
        month_s = steps[0].month_s if own < 0 else steps[own].month_s
        for *_, price, count in _charged(row, step.start_s, prices) if month_s == step.month_s and own <= number else ():
            if price is not None:
                ended[price] += count
                begun[price] += count if own < number else 0
    return {price: (begun[price], ended[price]) for price in ended}


def _shared(entries: Sequence[tuple[Key, int]], pool: tuple[int, int], price: Price, gb_bytes: int) -> dict[Key, int | None]:
    whole = exact_cost(price, gb_bytes, *pool)
    asked = sum(count for _, count in entries)
    nanos = _half_up(whole * asked / (pool[1] - pool[0]))
    exact = [Fraction(nanos * count, asked) for _, count in entries]
    floors = [int(one) for one in exact]
    order = sorted(range(len(entries)), key=lambda at: (floors[at] - exact[at], at))
    lucky = set(order[: nanos - sum(floors)])
    return {key: floors[at] + (at in lucky) for at, (key, _) in enumerate(entries)}


def _half_up(units: Fraction) -> int:
    with localcontext() as context:
        context.prec = 80
        exact = Decimal(units.numerator) * 10**9 / Decimal(units.denominator)
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
