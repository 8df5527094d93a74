"""Two sides' views are one edge, and only what was seen often is learned."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from streams.insights.segments.grants import learned
from streams.insights.segments.seen import edges_of
from tests.streams.insights.segments.support import MONDAY_S, edge


def row(**given: Any) -> dict[str, Any]:
    return {
        "client": "shop/web", "server": "shop/api", "protocol": "tcp", "service_port": 80, "domain": "", "reason": "", "service": "",
        "role": "client", "connections": 30, "bytes": 9_000, "sent": 10, "received": 10, "hours": 2, "days": 1, "first_s": MONDAY_S,
        "last_s": MONDAY_S + 3_600, **given,
    }  # fmt: skip


def test_two_views_of_an_edge_are_not_added_up() -> None:
    (found,) = edges_of(pa.Table.from_pylist([row(), row(role="server", connections=31, hours=3, first_s=MONDAY_S - 3_600)]))
    assert (found.connections, found.hours, found.first_s) == (31, 3, MONDAY_S - 3_600)


def test_a_call_of_a_service_stands_at_the_port_that_its_pods_serve() -> None:
    called = row(service="shop/api", service_port=80)
    assert [(one.port, one.service) for one in edges_of(pa.Table.from_pylist([called]))] == [(80, "shop/api")]
    served = row(role="server", service_port=8080)
    assert [(one.port, one.service) for one in edges_of(pa.Table.from_pylist([called, served]))] == [(8080, "")]


@pytest.mark.parametrize(
    ("given", "works"),
    [
        ({"connections": 0, "sent": 0, "received": 0}, False),  # attempts alone
        ({"connections": 0, "sent": 5, "received": 5}, True),  # a connection from before
        ({"connections": 0, "sent": 5, "received": 0, "protocol": "udp"}, True),
    ],
)
def test_an_edge_works_where_something_came_of_it(given: dict[str, Any], works: bool) -> None:
    (found,) = edges_of(pa.Table.from_pylist([row(**given)]))
    assert found.works == works


@pytest.mark.parametrize(
    ("given", "is_learned"),
    [
        ({"connections": 20, "hours": 1, "days": 1}, True),
        ({"connections": 19, "hours": 3, "days": 2}, True),
        ({"connections": 19, "hours": 3, "days": 1}, False),
        ({"connections": 19, "hours": 2, "days": 2}, False),
        ({"connections": 500, "works": False}, False),
    ],
)
def test_what_was_seen_often_is_learned(given: dict[str, Any], is_learned: bool) -> None:
    assert bool(learned([edge("shop/web", "shop/api", 80, **given)])) == is_learned


@pytest.mark.parametrize(("reason", "is_learned"), [("external", True), ("ambiguous", False), ("gap", False), ("shared", False)])
def test_an_end_that_nobody_knows_is_never_learned(reason: str, is_learned: bool) -> None:
    assert bool(learned([edge("shop/web", "", 443, reason=reason)])) == is_learned


def test_a_scraper_is_learned_from_one_scrape() -> None:
    assert learned([edge("monitoring/prometheus-k8s", "shop/web", 9_090, connections=1, hours=1, days=1)])
