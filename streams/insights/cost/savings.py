"""Where transfer could cost less, each with its evidence. Rules are proposals of weir's own; none is certain, and they may overlap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from streams.insights.cost.charges import Charge
from streams.insights.cost.classes import Place
from streams.insights.cost.money import short_text
from streams.insights.cost.prices import NANO, Price, Prices
from streams.insights.cost.tiers import byte_nanos, rounded

Kind = Literal["zone_routing", "region_routing", "gateway_endpoint", "interface_endpoint", "cdn", "batching"]
MONTH_S = 30 * 86_400
LEAST_NANO, LEAST_SHARE = 5 * NANO, 100
"""A saving is told from 5 of the currency's units a month on, and from a hundredth of what all costs a month on."""
OBJECT_STORE = "object_store"
"""The class of a range that a gateway endpoint leads to."""
POOR_PAYLOAD, GOOD_PAYLOAD = 50, 90
"""Percent of payload in bytes: below the first batching is proposed, and the second is taken for what it reaches."""


class Pair(NamedTuple):
    """What a saving has to know of a row beside its charges."""

    place: Place
    client: str
    server: str
    domain: str
    bytes: int
    payload_bytes: int


@dataclass(frozen=True)
class Saving:
    """`client`, `server`: "" where it concerns more than one. `monthly_nano`: of 30 days that go on like the span; at most so much."""

    kind: Kind
    client: str
    server: str
    monthly_nano: int
    sentence: str


@dataclass(frozen=True)
class Basis:
    """`charges` are of `pairs` by their row. `seconds`: how much of the span is known. `at_s`: of which time prices are taken."""

    charges: Sequence[Charge]
    pairs: Sequence[Pair]
    prices: Prices
    seconds: int
    at_s: int

    def monthly(self, amount: int) -> int:
        return amount * MONTH_S // self.seconds

    def money(self, nano: int) -> str:
        return f"{self.prices.currency} {short_text(nano)} a month"

    def price(self, of_class: str, region: str) -> Price | None:
        """Whoever pays it."""
        found = (self.prices.place(of_class, payer, (region, ""), self.at_s) for payer in ("owner", "sender", "receiver"))
        return next((self.prices.prices[place] for place in found if place is not None), None)


def savings(basis: Basis) -> tuple[Saving, ...]:
    """The largest first."""
    if basis.seconds <= 0:
        return ()
    routed = [*_routing(basis, "zone_routing"), *_routing(basis, "region_routing")]
    taken = {(one.client, one.server) for one in routed}
    found = [*routed, *_gateway(basis), *_interface(basis), *_cdn(basis), *_batching(basis, taken)]
    total = basis.monthly(sum(charge.nano or 0 for charge in basis.charges))
    least = max(LEAST_NANO, total // LEAST_SHARE)
    return tuple(sorted((one for one in found if one.monthly_nano >= least), key=lambda one: (-one.monthly_nano, one.client, one.server)))


def _routing(basis: Basis, kind: Literal["zone_routing", "region_routing"]) -> Iterator[Saving]:
    """A pair that crosses zones, or regions, while its server was also called where its client is."""
    where, of_class, field = (
        ("zone", "inter_zone", "server_zone") if kind == "zone_routing" else ("region", "inter_region", "server_region")
    )
    replicas = {(pair.server, getattr(pair.place, field)) for pair in basis.pairs if pair.server}

    def is_needless(charge: Charge, pair: Pair) -> bool:
        own = getattr(pair.place, f"client_{where}")
        return charge.of_class == of_class and bool(pair.client and own) and (pair.server, own) in replicas

    for (client, server), (nano, count) in _sums(basis, is_needless, lambda pair: (pair.client, pair.server)).items():
        monthly = basis.monthly(nano)
        way = (
            "trafficDistribution: PreferSameZone on its Service (PreferClose before Kubernetes 1.34) keeps them in the zone"
            if where == "zone"
            else f"calling the replica of its own region keeps them in the {where}"
        )
        yield Saving(
            kind,
            client,
            server,
            monthly,
            f"{client} and {server} exchange {_size(basis.monthly(count))} a month between {where}s, for {basis.money(monthly)}, though "
            f"{server} is in the client's own {where} too: {way}, if any replica may answer.",
        )


def _gateway(basis: Basis) -> Iterator[Saving]:
    """Object stores that are told to be reached through NAT."""

    def is_store(charge: Charge, pair: Pair) -> bool:
        return _is_nat(charge) and _range_of(basis, pair) == OBJECT_STORE

    for (region, _), (nano, count) in _sums(basis, is_store, lambda pair: (_near_region(pair), "")).items():
        monthly = basis.monthly(nano)
        yield Saving(
            "gateway_endpoint",
            "",
            "",
            monthly,
            f"{_size(basis.monthly(count))} a month between {region} and its object store go through NAT, for {basis.money(monthly)}: "
            "a gateway endpoint for it costs nothing.",
        )


def _interface(basis: Basis) -> Iterator[Saving]:
    """The provider's other services that are told to be reached through NAT, where an endpoint in each of the clients' zones costs less."""

    def is_service(charge: Charge, pair: Pair) -> bool:
        return _is_nat(charge) and _range_of(basis, pair) != OBJECT_STORE and basis.prices.is_service(pair.domain)

    for (region, domain), (nano, count) in _sums(basis, is_service, lambda pair: (_near_region(pair), pair.domain)).items():
        price = basis.price("endpoint", region)
        if price is None:
            continue
        zones = {pair.place.client_zone for pair in basis.pairs if (_near_region(pair), pair.domain) == (region, domain)}
        now, then = basis.monthly(nano), _priced(basis, price, count) + price.hour_nano * (MONTH_S // 3_600) * len(zones)
        yield Saving(
            "interface_endpoint",
            "",
            domain,
            now - then,
            f"{_size(basis.monthly(count))} a month between {region} and {domain} go through NAT, for {basis.money(now)}: an interface "
            f"endpoint in each of {len(zones)} zones would cost {basis.money(then)}, if one service is behind that name.",
        )


def _cdn(basis: Basis) -> Iterator[Saving]:
    """What clients on the internet fetch, where the table has a price of a CDN."""

    def is_fetched(charge: Charge, pair: Pair) -> bool:
        return charge.of_class == "internet_out" and charge.direction == "received" and pair.place.outside == "client" and bool(pair.server)

    for (server, region), (nano, count) in _sums(basis, is_fetched, lambda pair: (pair.server, pair.place.server_region)).items():
        price = basis.price("cdn", region)
        if price is None:
            continue
        now, then = basis.monthly(nano), _priced(basis, price, count)
        yield Saving(
            "cdn",
            "",
            server,
            now - then,
            f"Clients on the internet fetch {_size(basis.monthly(count))} a month from {server}, for {basis.money(now)}: "
            f"through a CDN it would be {basis.money(then)} and what it fetches itself.",
        )


def _batching(basis: Basis, taken: set[tuple[str, str]]) -> Iterator[Saving]:
    """A pair whose bytes are mostly headers."""
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for pair in basis.pairs:
        sums[pair.client, pair.server][0] += pair.bytes
        sums[pair.client, pair.server][1] += pair.payload_bytes
    costs = _sums(basis, lambda charge, pair: bool(pair.client and pair.server), lambda pair: (pair.client, pair.server))
    for (client, server), (nano, _) in costs.items():
        count, payload = sums[client, server]
        if not 0 < 100 * payload < POOR_PAYLOAD * count or (client, server) in taken:
            continue
        monthly = basis.monthly(nano * (GOOD_PAYLOAD * count - 100 * payload) // (GOOD_PAYLOAD * count))
        yield Saving(
            "batching",
            client,
            server,
            monthly,
            f"{100 - 100 * payload // count} % of the bytes between {client} and {server} are headers, for "
            f"{basis.money(basis.monthly(nano))} in all: larger messages, or several in one, would save that much at "
            f"{GOOD_PAYLOAD} % of payload.",
        )


def _sums(
    basis: Basis, chosen: Callable[[Charge, Pair], bool], key: Callable[[Pair], tuple[str, str]]
) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Nanos and bytes by key, of priced charges that are chosen."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for charge in basis.charges:
        pair = basis.pairs[charge.row]
        if charge.nano and chosen(charge, pair):
            sums = found[key(pair)]
            sums[0] += charge.nano or 0
            sums[1] += charge.bytes if charge.is_first else 0
    return {name: (nano, count) for name, (nano, count) in found.items()}


def _priced(basis: Basis, price: Price, count: int) -> int:
    """Nanos of a month of `count` bytes a span."""
    return rounded(byte_nanos(price.tiers, 0, basis.monthly(count)), basis.prices.gb_bytes)


def _is_nat(charge: Charge) -> bool:
    return charge.of_class == "nat" and charge.is_on_top


def _range_of(basis: Basis, pair: Pair) -> str:
    return basis.prices.ranges[pair.place.range_at - 1].of_class if pair.place.range_at else ""


def _near_region(pair: Pair) -> str:
    return pair.place.near_first[0]


def _size(count: int) -> str:
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"
