"""A price table as values: what a gigabyte of a class costs between two regions, from when to when, and what only its user can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sinks.filter.tree import Node

NANO = 1_000_000_000
"""Money is counted in whole billionths of the currency's unit."""
OUTSIDE = "outside"
"""The region of an end on the internet, as a price names it. `*` lets it through too."""
PAYERS = ("sender", "receiver", "owner")
"""Each may have a price of the same bytes: all of them are charged."""


@dataclass(frozen=True)
class Tier:
    """Bytes of a month up to `to_bytes`, not included; None: all others. `nano`: of a gigabyte."""

    to_bytes: int | None
    nano: int


@dataclass(frozen=True)
class Price:
    """`senders`, `receivers`: patterns of regions, of which one must fit. The span is half open, in UTC seconds.

    Of what goes through something (`Through`), `senders` are patterns of the near end's region and `receivers` of the other's, both ways.
    All that one price is found for in a calendar month (UTC) fills its tiers together. `hour_nano`: of an hour that it is ready in a zone.
    """

    of_class: str
    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    payer: str
    tiers: tuple[Tier, ...]
    since_s: int
    until_s: int
    checked: bool
    hour_nano: int = 0

    def fits(self, of_class: str, sender: str, receiver: str, at_s: int) -> bool:
        named = of_class == self.of_class and self.since_s <= at_s < self.until_s
        return named and _one_fits(self.senders, sender) and _one_fits(self.receivers, receiver)


@dataclass(frozen=True)
class Range:
    """Rows that a filter finds are of a class of their own, both ways."""

    of_class: str
    where: Node


@dataclass(frozen=True)
class Through:
    """Rows that a filter finds go through something whose price, by its class, comes on top, both ways: flows alone do not tell."""

    of_class: str
    where: Node


@dataclass(frozen=True)
class Prices:
    """First match wins, in each of the three lists. `gb_bytes`: what the provider calls a gigabyte.

    `services`: patterns of domains that an endpoint of the provider's could stand for.
    """

    currency: str
    gb_bytes: int
    source: str
    as_of: str
    prices: tuple[Price, ...]
    ranges: tuple[Range, ...] = ()
    throughs: tuple[Through, ...] = ()
    services: tuple[str, ...] = ()

    def place(self, of_class: str, payer: str, ends: tuple[str, str], at_s: int) -> int | None:
        """The place of the first price that fits. `ends`: regions of the sender and the receiver, "" for an end outside."""
        sender, receiver = (end or OUTSIDE for end in ends)
        fitting = (n for n, one in enumerate(self.prices) if one.payer == payer and one.fits(of_class, sender, receiver, at_s))
        return next(fitting, None)

    def is_service(self, domain: str) -> bool:
        return bool(domain) and _one_fits(self.services, domain)


NO_PRICES = Prices("", NANO, "none", "", ())
"""Nothing has a price."""


def _one_fits(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
