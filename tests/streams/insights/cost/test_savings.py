"""Savings: each has its evidence, none is told below five a month, and money is text without a float."""

from __future__ import annotations

import pytest

from sinks.filter.parse import parse
from streams.insights.cost.charges import Step, Traffic, charges_of
from streams.insights.cost.classes import Place
from streams.insights.cost.money import decimal_text, short_text
from streams.insights.cost.prices import NANO, Price, Prices, Range, Through, Tier
from streams.insights.cost.savings import MONTH_S, Basis, Pair, Saving, savings

GB = 10**9
DAY_S = 86_400
EXTERNAL = parse("reason=external")
assert EXTERNAL is not None


def price(of_class: str, nano: int, payer: str = "sender", hour_nano: int = 0) -> Price:
    return Price(of_class, ("*",), ("*",), payer, (Tier(None, nano),), 0, 2**32, True, hour_nano)


TABLE = Prices(
    "USD",
    GB,
    "a test",
    "2026-01-01",
    (
        price("same_zone", 0), price("inter_zone", NANO // 100), price("inter_zone", NANO // 100, "receiver"),
        price("inter_region", NANO // 50), price("internet_out", 9 * NANO // 100), price("internet_in", 0),
        price("object_store", 0), price("cdn", 2 * NANO // 100),
        price("nat", 45 * NANO // 1000, "owner"), price("endpoint", NANO // 100, "owner", NANO // 100),
    ),
    (Range("object_store", EXTERNAL),),
    (Through("nat", EXTERNAL),),
    ("*.cloud.example",),
)  # fmt: skip


def told(*rows: tuple[Place, str, str, int], seconds: int = MONTH_S, domain: str = "", payload: float = 0.9) -> tuple[Saving, ...]:
    """Rows of place, client, server and bytes, half of them each way."""
    traffic = [Traffic(0, place, count // 2, count // 2) for place, _, _, count in rows]
    charges = charges_of(traffic, traffic, (Step(0, DAY_S, 0),), TABLE)
    pairs = [Pair(place, client, server, domain, count, int(payload * count)) for place, client, server, count in rows]
    return savings(Basis(charges, pairs, TABLE, seconds, 0))


ACROSS, WITHIN = Place("a", "b", "r", "r", ""), Place("b", "b", "r", "r", "")


def test_a_pair_across_zones_is_told_where_its_server_is_in_the_clients_zone_too() -> None:
    near = Place("a", "a", "r", "r", "")
    (one,) = told((ACROSS, "web", "api", 1_000 * GB), (near, "cron", "api", GB))
    assert (one.kind, one.client, one.server, one.monthly_nano) == ("zone_routing", "web", "api", 20 * NANO)
    assert "1.0 TB a month between zones, for USD 20.00 a month" in one.sentence and "PreferSameZone" in one.sentence
    assert told((ACROSS, "web", "api", 1_000 * GB), (WITHIN, "cron", "api", GB)) == ()


def test_a_pair_across_regions_is_told_where_its_server_is_in_the_clients_region_too() -> None:
    far = Place("a", "x", "r", "s", "")
    (one,) = told((far, "web", "db", 1_000 * GB), (Place("b", "c", "r", "r", ""), "cron", "db", 2))
    assert (one.kind, one.monthly_nano) == ("region_routing", 20 * NANO)


def test_a_span_goes_on_for_a_month_and_what_is_below_five_is_not_told() -> None:
    near = Place("a", "a", "r", "r", "")
    rows = (ACROSS, "web", "api", 250 * GB), (near, "cron", "api", GB)
    assert [one.monthly_nano for one in told(*rows)] == [5 * NANO]
    assert told((ACROSS, "web", "api", 249 * GB), rows[1]) == ()
    assert [one.monthly_nano for one in told(*rows, seconds=DAY_S)] == [150 * NANO]
    assert told(*rows, seconds=0) == ()
    dear = (Place("a", "", "r", "", "external"), "web", "", 2 * 6_000 * GB)
    assert told(*rows, dear) == ()  # less than a hundredth of the whole


def test_object_storage_through_nat_wants_a_gateway_endpoint() -> None:
    (one,) = told((Place("a", "", "r", "", "external", 1, 1), "backup", "", 1_000 * GB), payload=0.9)
    assert (one.kind, one.client, one.server, one.monthly_nano) == ("gateway_endpoint", "", "", 45 * NANO)


def test_another_service_through_nat_wants_an_interface_endpoint_if_it_pays() -> None:
    place = Place("a", "", "r", "", "external", 0, 1)
    (one,) = told((place, "web", "", 1_000 * GB), domain="queue.cloud.example")
    assert (one.kind, one.server, one.monthly_nano) == (
        "interface_endpoint",
        "queue.cloud.example",
        (45_000 - 10_000 - 7_200) * NANO // 1000,
    )
    assert told((place, "web", "", 1_000 * GB), domain="queue.example") == ()
    assert told((place, "web", "", 250 * GB), domain="queue.cloud.example") == ()


def test_what_clients_outside_fetch_is_held_against_the_price_of_a_cdn() -> None:
    (one,) = told((Place("", "a", "", "r", "external"), "", "shop", 1_000 * GB))
    assert (one.kind, one.server, one.monthly_nano) == ("cdn", "shop", 500 * 7 * NANO // 100)


def test_a_pair_whose_bytes_are_mostly_headers_wants_larger_messages() -> None:
    (one,) = told((ACROSS, "web", "api", 1_000 * GB), payload=0.3)
    assert (one.kind, one.monthly_nano) == ("batching", 20 * NANO * 2 // 3) and "70 % of the bytes" in one.sentence
    assert told((ACROSS, "web", "api", 1_000 * GB), payload=0.6) == told((ACROSS, "web", "api", 1_000 * GB), payload=0) == ()


@pytest.mark.parametrize(
    ("nano", "exact", "short"),
    [
        (0, "0.00", "0.00"), (1, "0.000000001", "<0.01"), (4_999_999, "0.004999999", "<0.01"), (5_000_000, "0.005", "0.01"),
        (12_300_000_000, "12.30", "12.30"), (1_234_567_895_000_001, "1234567.895000001", "1,234,567.90"),
    ],
)  # fmt: skip
def test_money_is_text_of_all_its_digits_and_of_two_for_people(nano: int, exact: str, short: str) -> None:
    assert (decimal_text(nano), short_text(nano)) == (exact, short)
