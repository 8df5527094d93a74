"""`weir cost` against another way of reckoning: classes, tiers at their edges, sums and rows, to the nano."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from streams.insights.cost.charges import Charge, Step, Traffic, charges_of
from streams.insights.cost.classes import Place
from streams.insights.cost.prices import Prices
from tests.bench.console.report import Figure, at_most
from tests.simulator.answers.cost import MONTH_S, STEPS, World, prices, world
from tests.simulator.answers.cost_oracle import exact_cost, reckoned

ROWS, MANY = 3_000, 20_000
EDGES = 200
OUT = Place("e1", "", "east-1", "", "external")
SECONDS = 2.0


def measure(seed: int) -> Iterator[Figure]:
    made, of = world(seed, ROWS), prices(seed)
    found = _charged(made, of)
    yield _classes(made, found)
    yield from _to_the_nano(made, found, of)
    yield _unpriced(made, found)
    yield _edges(seed)
    many = world(seed, MANY)
    begun = time.process_time()
    _charged(replace(many, asked=tuple(range(MANY))), of)
    yield at_most(f"cost: {MANY:,} rows into charges, of one core", SECONDS, time.process_time() - begun, "s")


def _charged(made: World, of: Prices) -> list[Charge]:
    return charges_of([row.traffic for row in made.rows], [row.traffic for row in made.totals], STEPS, of)


def _classes(made: World, found: list[Charge]) -> Figure:
    """Three zones in each of two regions, the internet, a bucket, NAT, and ends of unknown place."""
    own = [one for one in found if not one.is_on_top]
    right = sum(
        one.of_class == (row.sent_class if one.direction == "sent" else row.received_class) for one in own for row in [made.rows[one.row]]
    )
    return Figure("cost: classes that are right", "all", f"{right:,} of {len(own):,}", right == len(own))


def _to_the_nano(made: World, found: list[Charge], of: Prices) -> Iterator[Figure]:
    wanted = reckoned(made.rows, made.totals, STEPS, of)
    own = {(one.row, one.direction, one.of_class, one.payer): one.nano for one in found}
    off = sum(own.get(key, -1) != wanted.get(key, -1) for key in own.keys() | wanted.keys())
    yield Figure("cost: charges that differ from the oracle", "0", f"{off} of {len(wanted):,}", off == 0)
    total, oracle = (sum(nano or 0 for nano in nanos.values()) for nanos in (own, wanted))
    yield Figure(
        "cost: the sum beside the oracle's", "0 nano-dollars off", f"{abs(total - oracle)} off of {total / 1e9:,.2f} USD", total == oracle
    )


def _unpriced(made: World, found: list[Charge]) -> Figure:
    """Bytes of an unknown place are there, without a price."""
    wanted = sum(row.traffic.sent + row.traffic.received for row in made.rows if row.sent_class == "unknown")
    told = sum(one.bytes for one in found if one.of_class == "unknown" and one.nano is None)
    return Figure("cost: bytes of unknown place that are told without a price", "all", f"{told:,} of {wanted:,}", told == wanted > 0)


def _edges(seed: int) -> Figure:
    """A month's bytes that end one before a tier's edge, at it, and one behind it, from a month before that ends as near to it."""
    tries = right = 0
    step = Step(MONTH_S, MONTH_S + 86_400, MONTH_S)
    for number in range(EDGES):
        of = prices(seed + number)
        place = of.place("internet_out", "sender", ("east-1", ""), MONTH_S)
        assert place is not None
        price = of.prices[place]
        for edge in (tier.to_bytes for tier in price.tiers if tier.to_bytes is not None):
            for off in (-1, 0, 1):
                for count in (1, 2, edge):
                    before = max(0, edge + off - count)
                    totals = [Traffic(-1, OUT, before, 0), Traffic(0, OUT, count, 0)]
                    one = next(charge for charge in charges_of(totals[1:], totals, (step,), of) if not charge.is_on_top)
                    exact = 10**9 * exact_cost(price, of.gb_bytes, before, before + count)
                    tries += 1
                    right += one.nano is not None and -1 < 2 * (one.nano - exact) <= 1
    return Figure("cost: sums at a tier's edge, and a byte beside it", "all to the nano", f"{right:,} of {tries:,}", right == tries > 0)
