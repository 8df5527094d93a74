"""Charges are what another way of reckoning gives, to the nano; rows add up; classes are what the traffic was made of."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.insights.cost.charges import Charge, Step, Traffic, charges_of
from streams.insights.cost.classes import Place, base_class, why_unknown
from streams.insights.cost.prices import NO_PRICES, OUTSIDE, Price, Prices, Tier
from streams.insights.cost.tiers import byte_nanos, rounded, spread
from tests.simulator.answers.cost import MONTH_S, STEPS, World, prices, world
from tests.simulator.answers.cost_oracle import exact_cost, reckoned

GB = 10**9
WHOLE_MONTH = (Step(MONTH_S, MONTH_S + 86_400, MONTH_S),)
OUT = Place("a", "", "east-1", "", "external")
CENTS_AND_NOTHING = (Tier(100 * GB, 0), Tier(10_240 * GB, 90_000_000), Tier(None, 85_000_000))


def table(*found: Price) -> Prices:
    return Prices("USD", GB, "a test", "2026-01-01", found)


def price(
    of_class: str, tiers: tuple[Tier, ...] = (Tier(None, 10_000_000),), payer: str = "sender", senders: tuple[str, ...] = ("*",)
) -> Price:
    return Price(of_class, senders, ("*",), payer, tiers, 0, 2**32, True)


def charged(made: World, of: Prices) -> list[Charge]:
    return charges_of([row.traffic for row in made.rows], [row.traffic for row in made.totals], STEPS, of)


@pytest.mark.parametrize("seed", [1, 2])
def test_charges_are_what_another_way_of_reckoning_gives_to_the_nano(seed: int) -> None:
    made, of = world(seed, 600), prices(seed)
    found = {(one.row, one.direction, one.of_class, one.payer): one.nano for one in charged(made, of)}
    assert found == reckoned(made.rows, made.totals, STEPS, of)
    assert {True, False} == {nano is None for nano in found.values()}


def test_each_direction_is_of_the_class_that_it_was_made_of() -> None:
    made = world(5, 600)
    own = {(one.row, one.direction): one.of_class for one in charged(made, prices(5)) if not one.is_on_top}
    assert {made.rows[at].sent_class for at, _ in own} > {"inter_zone", "inter_region", "internet_out", "object_store", "link", "unknown"}
    for (at, direction), of_class in own.items():
        assert of_class == (made.rows[at].sent_class if direction == "sent" else made.rows[at].received_class)


@pytest.mark.parametrize("edge_gb", [100, 10_240])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_byte_beside_a_tiers_edge_is_paid_in_its_tier(edge_gb: int, off: int) -> None:
    """A month's traffic that ends at an edge, and the bytes that go on from there."""
    before, count = edge_gb * GB + off - 1, 3
    totals = [Traffic(-1, OUT, before, 0), Traffic(0, OUT, count, 0)]
    (charge,) = charges_of(totals[1:], totals, WHOLE_MONTH, table(price("internet_out", CENTS_AND_NOTHING)))
    below = min(count, max(0, 1 - off))
    low, high = (0, 90_000_000) if edge_gb == 100 else (90_000_000, 85_000_000)
    assert charge.nano == rounded(below * low + (count - below) * high, GB)
    assert byte_nanos(CENTS_AND_NOTHING, before, count) == below * low + (count - below) * high


def test_a_filter_takes_its_part_of_a_tiers_cost_and_not_the_free_bytes_first() -> None:
    row, other = Traffic(0, OUT, 150 * GB, 0), Traffic(0, OUT, 50 * GB, 0)
    of = table(price("internet_out", CENTS_AND_NOTHING))
    (alone,) = charges_of([row], [row, other], WHOLE_MONTH, of)
    together = charges_of([row, other], [row, other], WHOLE_MONTH, of)
    assert alone.nano == together[0].nano == 100 * 90_000_000 * 3 // 4
    assert sum(one.nano or 0 for one in together) == 100 * 90_000_000


def test_bytes_without_a_price_are_there_and_say_what_is_missing() -> None:
    rows = [Traffic(0, Place("a", "", "east-1", "east-1", ""), 5, 7), Traffic(0, OUT, 11, 0)]
    found = charges_of(rows, rows, WHOLE_MONTH, NO_PRICES)
    assert [(one.of_class, one.bytes, one.nano, one.payer) for one in found] == [
        ("unknown", 5, None, ""), ("unknown", 7, None, ""), ("internet_out", 11, None, ""),
    ]  # fmt: skip
    assert found[0].why == "the zone of the server is not known"
    assert found[2].why == "no price of internet_out from east-1 to outside"


def test_both_payers_of_a_byte_are_charged_and_it_is_counted_once() -> None:
    row = Traffic(0, Place("a", "b", "east-1", "east-1", ""), GB, 0)
    found = charges_of([row], [row], WHOLE_MONTH, table(price("inter_zone"), price("inter_zone", payer="receiver")))
    assert [(one.payer, one.nano, one.is_first) for one in found] == [("sender", 10_000_000, True), ("receiver", 10_000_000, False)]


def test_the_first_price_that_fits_counts() -> None:
    row = Traffic(0, Place("a", "", "west-1", "", "external"), GB, 0)
    own, other = price("internet_out", senders=("east-*",)), price("internet_out", (Tier(None, 7),))
    assert [one.nano for one in charges_of([row], [row], WHOLE_MONTH, table(own, other, own))] == [7]
    assert own.fits("internet_out", "east-9", OUTSIDE, 0) and not own.fits("internet_out", "eastern", OUTSIDE, 0)


@pytest.mark.parametrize(
    ("place", "sent", "why"),
    [
        (Place("a", "", "x", "", "unknown"), "unknown", "the region of the server is not known, which has no name (unknown)"),
        (Place("", "a", "x", "x", "shared"), "unknown", "the zone of the client is not known, which has no name (shared)"),
        (Place("", "", "x", "x", ""), "unknown", "the zone of the client and of the server is not known"),
        (Place("", "", "x", "y", ""), "inter_region", None),
        (Place("a", "", "x", "", "group"), "link", None),
        (Place("", "a", "", "x", "external"), "internet_in", None),
        (Place("a", "a", "x", "x", "external"), "same_zone", None),
    ],
)
def test_a_class_follows_from_what_is_known_of_both_ends(place: Place, sent: str, why: str | None) -> None:
    assert base_class(place, "sent") == sent
    assert why is None or why_unknown(place) == why


TIERS = st.lists(st.tuples(st.integers(1, 10**15), st.integers(0, 10**10)), max_size=4, unique_by=lambda one: one[0]).map(
    lambda edges: (*(Tier(edge, nano) for edge, nano in sorted(edges)), Tier(None, 77))
)


@given(
    tiers=TIERS, gb_bytes=st.sampled_from([10**9, 2**30]), before=st.integers(0, 10**15), parts=st.lists(st.integers(0, 10**14), max_size=5)
)
def test_a_month_costs_the_same_in_parts_as_in_one(tiers: tuple[Tier, ...], gb_bytes: int, before: int, parts: list[int]) -> None:
    ends = [before + sum(parts[:at]) for at in range(len(parts))]
    pieces = [byte_nanos(tiers, start, part) for start, part in zip(ends, parts, strict=True)]
    whole = byte_nanos(tiers, before, sum(parts))
    assert sum(pieces) == whole
    assert Fraction(whole, gb_bytes * 10**9) == exact_cost(price("internet_out", tiers), gb_bytes, before, before + sum(parts))


@given(amount=st.integers(0, 10**24), weights=st.lists(st.integers(0, 10**18), min_size=1, max_size=30))
def test_shares_are_whole_add_up_and_are_less_than_one_from_the_exact(amount: int, weights: list[int]) -> None:
    shares = spread(amount, weights)
    whole = sum(weights)
    assert sum(shares) == (amount if whole else 0)
    assert all(abs(share - Fraction(amount * weight, whole)) < 1 for share, weight in zip(shares, weights, strict=True) if whole)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_a_month_that_is_asked_for_whole_is_its_exact_cost_rounded_once(seed: int) -> None:
    rows = [row.traffic._replace(step=0) for row in world(seed, 40).totals]
    of = prices(seed)
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for one in charges_of(rows, rows, WHOLE_MONTH, of):
        if one.price is not None:
            sums[one.price][0] += one.bytes
            sums[one.price][1] += one.nano or 0
    assert sums
    for at, (count, nano) in sums.items():
        exact = 10**9 * exact_cost(of.prices[at], of.gb_bytes, 0, count)
        assert exact - Fraction(1, 2) < nano <= exact + Fraction(1, 2)
