"""New edges, external ends, listeners, fan-out, floods and exfiltration: what rings, and what is expected."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from sinks.queries.spans import Span
from streams.insights.security.exfiltration import exfiltrations, usual_of
from streams.insights.security.external import end_name, externals
from streams.insights.security.fan_out import fan_outs
from streams.insights.security.flood import floods
from streams.insights.security.listening import new_listeners
from streams.insights.security.lives import DAY_S, HOUR_S, Life
from streams.insights.security.new_edge import Callers, excused, new_edges, roamers
from streams.insights.security.reuse import without_known_addresses
from streams.insights.security.sighted import Contact

STEP = Span(1_767_258_000, 1_767_258_300)
OLD = Life(STEP.start_s - 30 * DAY_S)
LIVES = {("default", name): OLD for name in ("shop/web", "pay/db", "pay/api")}
CALL = Contact("default", "shop/web", "pay/db", "", "10.0.0.9", 5432, 3, 0, 900, 800, STEP.start_s + 20, STEP.start_s - 5 * DAY_S)
OUT = replace(CALL, server="", domain="evil.example", address="203.0.113.9", service_port=443)
CALLERS: Callers = {("default", "pay/db", 5432): frozenset({"pay/api"})}


def deployed(seconds: int) -> dict[tuple[str, str], Life]:
    return {**LIVES, ("default", "shop/web"): Life(OLD.born_s, (STEP.end_s - seconds,))}


def test_a_new_edge_between_old_workloads_rings() -> None:
    (found,) = new_edges([CALL], CALLERS, LIVES, STEP)
    assert (found.key.subject, found.key.peer, found.key.service_port, found.severity) == ("shop/web", "pay/db", 5432, "warning")


def test_an_edge_that_others_of_the_namespace_have_is_told_and_no_more() -> None:
    (found,) = new_edges([CALL], {("default", "pay/db", 5432): frozenset({"shop/cart"})}, LIVES, STEP)
    assert found.severity == "info"


@pytest.mark.parametrize("hours", [0.5, 5, 30])
def test_a_new_version_has_an_hour_and_a_day_for_what_is_familiar(hours: float) -> None:
    lives = deployed(int(hours * HOUR_S))
    familiar: Callers = {("default", "pay/db", 5432): frozenset({"shop/cart"})}
    assert bool(new_edges([CALL], CALLERS, lives, STEP)) == (hours > 1)
    assert bool(new_edges([CALL], familiar, lives, STEP)) == (hours > 24)


SHARED: Callers = {("default", "pay/db", 5432): frozenset({"a/b", "c/d", "e/f"})}
ROAMING = frozenset({("default", "shop/web")})


def test_a_roaming_client_is_excused_nothing_but_its_namespace_after_the_hour_of_its_deploy() -> None:
    lives, home = {**deployed(5 * HOUR_S), ("default", "shop/cart"): OLD}, replace(CALL, server="shop/cart")
    assert excused([CALL], SHARED, lives, STEP) == ROAMING
    assert not new_edges([CALL], SHARED, lives, STEP)
    assert [one.key.peer for one in new_edges([CALL, home], SHARED, lives, STEP, ROAMING)] == ["pay/db"]
    assert not new_edges([CALL], SHARED, deployed(HOUR_S // 2), STEP, ROAMING)


@pytest.mark.parametrize(
    ("call", "callers", "hours"),
    [
        (CALL, CALLERS, 5),
        (CALL, SHARED, 0.5),
        (CALL, SHARED, 30),
        (replace(CALL, service_port=22), {("default", "pay/db", 22): SHARED["default", "pay/db", 5432]}, 5),
        (replace(CALL, server="shop/cart"), SHARED, 5),
    ],
    ids=["a server that few call", "within the hour of a deploy", "a day after it", "an administrator's port", "its own namespace"],
)
def test_what_rings_anyway_and_what_a_roamer_may_do_is_not_asked_after(call: Contact, callers: Callers, hours: float) -> None:
    assert not excused([call], callers, {**deployed(int(hours * HOUR_S)), ("default", "shop/cart"): OLD}, STEP)


@pytest.mark.parametrize(
    ("second", "roams"),
    [
        (replace(CALL, server="pay/api", at_s=STEP.start_s - 2_000), True),
        (replace(CALL, server="pay/api", at_s=STEP.start_s - 3_000), False),
        (replace(CALL, server="pay/api", since_s=STEP.start_s - 900), False),
        (replace(CALL, server="pay/api", opened=0, failed=3), False),
        (replace(CALL, service_port=8080), False),
        (replace(CALL, server="shop/cart"), False),
        (replace(CALL, client="shop/cart", server="pay/api"), False),
    ],
    ids=["two servers", "one with the deploy", "one by new replicas", "one that failed", "two ports", "its own namespace", "two clients"],
)
def test_a_client_roams_when_it_calls_two_servers_that_did_not_come_with_its_deploy(second: Contact, roams: bool) -> None:
    lives = {**deployed(6_000), ("default", "shop/cart"): OLD}
    assert roamers([CALL, second], lives) == (ROAMING if roams else frozenset())


def test_new_replicas_are_a_new_version_that_no_label_tells_of() -> None:
    assert not new_edges([replace(CALL, since_s=STEP.start_s - 900)], CALLERS, LIVES, STEP)


@pytest.mark.parametrize(
    "call",
    [
        replace(CALL, opened=0, failed=3),
        replace(CALL, client="pod/1234"),
        replace(CALL, client="node/n1"),
        replace(CALL, server="a/new"),
        replace(CALL, server="shop/web"),
    ],
    ids=["failed", "a pod without a name", "a node", "a new server", "its own replicas"],
)
def test_what_has_no_history_or_did_not_happen_is_no_new_edge(call: Contact) -> None:
    assert not new_edges([call], CALLERS, LIVES, STEP)


def test_many_new_edges_of_a_client_are_one_finding() -> None:
    calls = [replace(CALL, server=f"pay/app{number}") for number in range(9)]
    (found,) = new_edges(calls, {}, {**LIVES, **{("default", one.server): OLD for one in calls}}, STEP)
    assert (found.key.peer, found.key.service_port, found.count) == ("", 0, 9)


def test_an_address_that_the_client_met_under_another_name_is_nothing_new() -> None:
    met = pa.table({"network": ["default"], "client": ["shop/web"], "address": ["10.0.0.9"], "service_port": [5432]})
    other_port, other_client = replace(CALL, service_port=22), replace(CALL, client="shop/cart")
    assert without_known_addresses([CALL, other_port, other_client], met) == (other_port, other_client)


def test_an_external_end_that_nobody_uses_rings() -> None:
    (found,) = externals([OUT], {}, LIVES, STEP)
    assert (found.key.peer, found.key.service_port) == ("evil.example", 443)


@pytest.mark.parametrize("hours", [0.5, 5])
def test_a_new_version_may_use_a_new_domain(hours: float) -> None:
    assert bool(externals([OUT], {}, deployed(int(hours * HOUR_S)), STEP)) == (hours > 1)


def test_a_domain_that_two_others_use_is_expected_and_one_other_is_not_enough() -> None:
    assert externals([OUT], {("default", "evil.example", 0): frozenset({"a/b"})}, LIVES, STEP)
    assert not externals([OUT], {("default", "evil.example", 0): frozenset({"a/b", "c/d"})}, LIVES, STEP)


def test_addresses_without_a_domain_are_told_by_their_network() -> None:
    nearby = [replace(OUT, domain="", address=f"203.0.113.{number}") for number in range(5)]
    (found,) = externals(nearby, {}, LIVES, STEP)
    assert found.key.peer == "203.0.113.0/24"
    assert end_name("", "2001:db8:1:2::9") == "2001:db8:1::/48"


def port(**changed: object) -> pa.Table:
    row = {"network": "default", "server": "pay/db", "service_port": 4444, "opened": 2, "at_s": STEP.start_s, "clients": ["shop/web"],
           "since_s": 0}  # fmt: skip
    return pa.Table.from_pylist([{**row, **changed}])


def test_a_port_on_which_a_workload_never_answered_rings() -> None:
    (found,) = new_listeners(port(), {}, {}, LIVES, frozenset(), STEP)
    assert (found.key.kind, found.key.subject, found.key.service_port) == ("listening", "pay/db", 4444)

    assert not new_listeners(port(since_s=STEP.start_s - 60), {}, {}, LIVES, frozenset(), STEP)


@pytest.mark.parametrize("hours", [0.5, 5, 30])
def test_a_new_version_has_an_hour_for_a_port_and_a_day_for_one_that_others_have(hours: float) -> None:
    lives = {("default", "pay/db"): Life(OLD.born_s, (STEP.end_s - int(hours * HOUR_S),))}
    assert bool(new_listeners(port(), {("default", 4444): 2}, {}, lives, frozenset(), STEP)) == (hours > 1)
    assert bool(new_listeners(port(), {("default", 4444): 3}, {}, lives, frozenset(), STEP)) == (hours > 24)


@pytest.mark.parametrize("hours", [0.5, 5, 30])
def test_a_new_version_has_a_day_for_a_port_that_only_old_clients_use(hours: float) -> None:
    lives = {("default", "pay/db"): Life(OLD.born_s, (STEP.end_s - int(hours * HOUR_S),))}
    callers = {("default", "pay/db"): frozenset({"shop/web", "pay/api"})}
    assert bool(new_listeners(port(), {}, callers, lives, frozenset(), STEP)) == (hours > 24)
    for others in (["shop/web", ""], ["shop/web", "a/b"]):
        assert bool(new_listeners(port(clients=others), {}, callers, lives, frozenset(), STEP)) == (hours > 1)


def test_what_a_scan_reached_is_the_scans_and_an_administrators_port_a_new_edge() -> None:
    assert not new_listeners(port(), {}, {}, LIVES, {("default", "shop/web")}, STEP)
    assert not new_listeners(port(service_port=22), {}, {}, LIVES, frozenset(), STEP)
    assert new_listeners(port(service_port=22, clients=[""]), {}, {}, LIVES, frozenset(), STEP)


def fan(name: str, servers: int) -> pa.Table:
    return pa.table({"network": ["default"], "client": [name], "servers": [servers]})


def test_five_times_its_most_is_a_fan_out_and_a_scraper_is_none() -> None:
    assert fan_outs(fan("shop/web", 60), fan("shop/web", 10), LIVES, frozenset(), STEP)
    assert not fan_outs(fan("shop/web", 50), fan("shop/web", 10), LIVES, frozenset(), STEP)
    assert not fan_outs(fan("shop/web", 300), fan("shop/web", 290), LIVES, frozenset(), STEP)
    assert not fan_outs(fan("shop/web", 60), fan("shop/web", 10), LIVES, {("default", "shop/web")}, STEP)


@pytest.mark.parametrize(
    ("opened", "sources", "rings"), [(20_000, 400, True), (20_000, 9, False), (9_000, 400, False), (2_900, 400, False)]
)
def test_a_flood_is_ten_times_the_usual_from_many_sources(opened: int, sources: int, rings: bool) -> None:
    now = pa.Table.from_pylist(
        [{"network": "default", "server": "pay/api", "service_port": 443, "opened": opened, "packets": 10 * opened, "sources": sources}]
    )
    usual = pa.Table.from_pylist([{"network": "default", "server": "pay/api", "service_port": 443, "opened": 1_000.0, "packets": 10_000.0}])
    assert bool(floods(now, usual, LIVES, STEP)) == rings


@pytest.mark.parametrize(
    ("sent", "before", "rings"),
    [(3_000, (100, 900), True), (900, (100, 900), False), (3_000, (200, 100), False)],
    ids=["ten times and turned", "not so much", "it always sends"],
)
def test_exfiltration_is_much_more_than_ever_and_the_other_way_round(sent: int, before: tuple[int, int], rings: bool) -> None:
    end = {"network": "default", "client": "shop/web", "end": "drop.example"}
    now = pa.Table.from_pylist([{**end, "sent": sent * 10**6, "received": 10**6, "at_s": STEP.start_s}])
    days = pa.Table.from_pylist([{**end, "day": day, "sent": before[0] * 10**6, "received": before[1] * 10**6} for day in range(5)])
    assert bool(exfiltrations(now, usual_of(days), LIVES, STEP)) == rings
