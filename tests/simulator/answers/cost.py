"""Traffic whose classes are known, because it was made of them: two regions with three zones each, the internet, and ends of unknown place.

Months begin at MONTH_S and at the first of the month after; the span begins within the first and ends within the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sinks.filter.parse import parse
from sinks.filter.tree import Node
from streams.insights.cost.charges import Step, Traffic
from streams.insights.cost.classes import Place
from streams.insights.cost.prices import NANO, Price, Prices, Range, Through, Tier

REGIONS = ("east-1", "west-1")
ZONES = {"east-1": ("e1", "e2", "e3"), "west-1": ("w1", "w2", "w3")}
DAY_S = 86_400
MONTH_S = 1_767_225_600
"""2026-01-01 00:00:00 UTC."""
NEXT_MONTH_S = MONTH_S + 31 * DAY_S
STEPS = (
    Step(MONTH_S + 10 * DAY_S, MONTH_S + 20 * DAY_S, MONTH_S),
    Step(MONTH_S + 20 * DAY_S, NEXT_MONTH_S, MONTH_S),
    Step(NEXT_MONTH_S, NEXT_MONTH_S + 5 * DAY_S, NEXT_MONTH_S),
)
"""A price changes where the second begins."""
BUCKETS, NAT = 1, 1
SHAPES = ("zone", "zones", "regions", "calls_out", "called_from_outside", "bucket", "through_nat", "no_zone", "no_region", "near")


@dataclass(frozen=True)
class Labelled:
    """`sent_class`, `received_class`: what the maker of the row meant by it. `ends`: regions of client and server, or `outside`."""

    traffic: Traffic
    sent_class: str
    received_class: str
    ends: tuple[str, str]


@dataclass(frozen=True)
class World:
    """`totals`: all traffic, that of the month before the span too. `asked`: places in `totals` of what is asked for, all in the span."""

    totals: tuple[Labelled, ...]
    asked: tuple[int, ...]

    @property
    def rows(self) -> list[Labelled]:
        return [self.totals[at] for at in self.asked]


def world(seed: int, number: int = 2_000) -> World:
    """A third of the span's rows is asked for, as a filter would."""
    chance = np.random.default_rng(seed)
    made = tuple(_row(chance, SHAPES[chance.integers(len(SHAPES))]) for _ in range(number))
    asked = [at for at, row in enumerate(made) if row.traffic.step >= 0 and chance.random() < 1 / 3]
    return World(made, tuple(asked))


def _row(chance: np.random.Generator, shape: str) -> Labelled:
    step = int(chance.integers(-1, len(STEPS)))
    sent, received = (int(10 ** chance.uniform(0, 13)) for _ in range(2))
    place, ends, classes = _made(chance, shape)
    return Labelled(Traffic(step, place, sent, received), *classes, ends)


def _made(chance: np.random.Generator, shape: str) -> tuple[Place, tuple[str, str], tuple[str, str]]:
    here, there = (REGIONS[at] for at in chance.permutation(2))
    first, second = (str(zone) for zone in chance.permutation(ZONES[here])[:2])
    far = ZONES[there][int(chance.integers(3))]
    match shape:
        case "zone":
            return Place(first, first, here, here, ""), (here, here), ("same_zone", "same_zone")
        case "zones":
            return Place(first, second, here, here, ""), (here, here), ("inter_zone", "inter_zone")
        case "regions":
            return Place(first, far, here, there, ""), (here, there), ("inter_region", "inter_region")
        case "calls_out":
            return Place(first, "", here, "", "external"), (here, "outside"), ("internet_out", "internet_in")
        case "called_from_outside":
            return Place("", first, "", here, "external"), ("outside", here), ("internet_in", "internet_out")
        case "bucket":
            return Place(first, "", here, "", "external", BUCKETS), (here, "outside"), ("object_store", "object_store")
        case "through_nat":
            return Place(first, "", here, "", "external", 0, NAT), (here, "outside"), ("internet_out", "internet_in")
        case "no_zone":
            return Place(first, "", here, here, ""), (here, here), ("unknown", "unknown")
        case "no_region":
            return Place(first, "", here, "", "gap"), (here, "outside"), ("unknown", "unknown")
    return Place(first, "", here, "", "link_local"), (here, "outside"), ("link", "link")


def prices(seed: int) -> Prices:
    """Of every class but `unknown`, and of `link` none either; with tiers, two payers, and a price that changes in the span."""
    chance = np.random.default_rng((seed, 2))
    ranges, throughs = (Range("object_store", _filter("domain=*.s3.example")),), (Through("nat", _filter("reason=external")),)
    return Prices("USD", (10**9, 2**30)[seed % 2], "the simulator", "2026-01-01", tuple(_prices(chance)), ranges, throughs)


def _prices(chance: np.random.Generator) -> Iterator[Price]:
    def price(
        of_class: str, payer: str = "sender", senders: str = "*", receivers: str = "*", since_s: int = 0, until_s: int = 2**32
    ) -> Price:
        return Price(of_class, (senders,), (receivers,), payer, _tiers(chance), since_s, until_s, True)

    yield price("inter_zone", "sender", "east-*")
    yield price("inter_zone", "sender")
    yield price("inter_zone", "receiver", receivers="west-1")
    yield price("inter_region", senders="east-1", receivers="west-1")
    yield price("inter_region")
    yield price("internet_out", until_s=STEPS[1].start_s)
    yield price("internet_out", since_s=STEPS[1].start_s)
    yield price("internet_in")
    yield price("same_zone", receivers="east-1")
    yield price("object_store", senders="outside")
    yield price("object_store", receivers="outside")
    yield price("nat", "owner", senders="east-1")


def _tiers(chance: np.random.Generator) -> tuple[Tier, ...]:
    """Edges from a gigabyte to some hundred terabytes, at any byte."""
    edges = sorted({int(10 ** chance.uniform(9, 14.5)) for _ in range(int(chance.integers(0, 4)))})
    nanos = [int(chance.integers(0, 2 * NANO // 10)) for _ in range(len(edges) + 1)]
    return (*(Tier(edge, nano) for edge, nano in zip(edges, nanos, strict=False)), Tier(None, nanos[-1]))


def _filter(text: str) -> Node:
    found = parse(text)
    assert found is not None
    return found
