# ruff: noqa: S608 (names and numbers of this file)
"""The watch over real tables: a scan, a beacon, a new edge, and an address that was handed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.records.finding import Finding, FindingKey, Sighting, finding_id
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.open import open_engine
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from weir.answers.security import over
from weir.answers.security_tables import Tables
from weir.detector.security_watch import SecurityWatch
from weir.detector.watch import Look

NINE = 1_767_258_000
STEP = Span(NINE - 300, NINE)
DAY_S = 86_400
OWNERS = {"10.0.0.1": "shop/web", "10.0.0.2": "legacy/report", "10.0.0.3": "ops/agent", "10.0.1.1": "shop/api", "10.0.1.2": "pay/db"}


@dataclass(frozen=True)
class Flow:
    at_s: int
    client: str
    ip: str
    server: str
    server_ip: str
    port: int
    opened: int = 3
    failed: int = 0
    domain: str = ""
    reason: str = ""
    sent: int = 900


def old(client: str, ip: str, server: str, server_ip: str, port: int, domain: str = "") -> Flow:
    return Flow(NINE - 10 * DAY_S, client, ip, server, server_ip, port, domain=domain, reason="external" if domain else "")


HISTORY = (
    old("shop/web", "10.0.0.1", "shop/api", "10.0.1.1", 8080),
    old("legacy/report", "10.0.0.2", "shop/api", "10.0.1.1", 8080),
    old("ops/agent", "10.0.0.3", "", "198.51.100.1", 443, "metrics.example"),
    old("shop/api", "10.0.1.1", "pay/db", "10.0.1.2", 5432),
    old("pay/api", "10.0.1.3", "pay/db", "10.0.1.2", 8080),
    Flow(NINE - 2 * 3_600, "shop/web", "10.0.0.1", "shop/api", "10.0.1.7", 8080),  # a replica that gives up its address an hour later
)
NOW = (
    Flow(NINE - 200, "shop/web", "10.0.0.1", "shop/api", "10.0.1.1", 8080),
    Flow(NINE - 190, "shop/web", "10.0.0.1", "pay/db", "10.0.1.7", 8080),  # to which pay/db has come
    Flow(NINE - 180, "shop/web", "10.0.0.1", "", "10.0.9.9", 22, reason="gap"),
    *(Flow(NINE - 150 + number, "legacy/report", "10.0.0.2", f"a/b{number}", f"10.0.2.{number}", 22, 0, 2) for number in range(6)),
)
BEATS = tuple(
    Flow(NINE - 6 * 3_600 + 170 * number, "ops/agent", "10.0.0.3", "", "203.0.113.9", 443, 1, 0, "evil.example", "external", 700)
    for number in range(120)
)
MOVE = Flow(NINE - 100, "shop/web", "10.0.0.1", "pay/db", "10.0.1.2", 5432)


def write(engine: Engine, *flows: Flow) -> None:
    columns = (
        "window_start, window_seconds, first_seen, last_seen, network, node_id, epoch, protocol, role, local_ip, remote_ip, service_port, "
        "local_workload, remote_workload, remote_source, remote_reason, canonical, bytes_sent, bytes_received, payload_bytes_received, "
        "connections_opened, connections_failed, connections_refused, remote_domain, registrable_domain"
    )
    rows = (
        f"({one.at_s // 10 * 10}, 10, {one.at_s}, {one.at_s}, 'default', 'n1', 1, 'tcp', 'client', '{one.ip}', '{one.server_ip}', "
        f"{one.port}, '{one.client}', '{one.server}', '{'heartbeat' if one.server else 'none'}', '{one.reason}', true, {one.sent}, 400, "
        f"{one.opened * 100}, {one.opened}, {one.failed}, {one.failed}, '{one.domain}', '{one.domain}')"
        for one in flows
    )
    engine.execute(f"INSERT INTO weir.flows ({columns}) VALUES {', '.join(rows)}")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine(f"chdb://{Path(tmp_path_factory.mktemp('security')) / 'data'}")
    try:
        ClickHouseSink(engine).migrate()
        write(engine, *HISTORY, *NOW, *BEATS)
        held = ", ".join(
            f"('default', '{ip}', 0, '', '{name}', 'heartbeat', {NINE - 9 * DAY_S}, {NINE + 60}, 'n1', 1, 0)" for ip, name in OWNERS.items()
        )
        engine.execute(
            "INSERT INTO weir.ownership_ranges (network, ip, port, protocol, workload, source, start, `end`, node_id, chain, ended) "
            f"VALUES {held}"
        )
        yield engine
    finally:
        engine.close()


def look(engine: Engine, step: Span = STEP) -> Look:
    return SecurityWatch().look(engine.ask, step, ask_oldest(engine.ask), {})


def found(engine: Engine) -> dict[str, Sighting]:
    return {one.key.kind: one for one in look(engine).seen}


def test_the_scan_and_the_beacon_are_seen_and_nothing_of_the_address_that_was_handed_over(engine: Engine) -> None:
    seen = look(engine).seen
    assert {(one.key.kind, one.key.subject, one.key.peer) for one in seen} == {
        ("scan", "legacy/report", ""),
        ("beacon", "ops/agent", "evil.example"),
    }
    scan, beacon = sorted(seen, key=lambda one: one.key.kind, reverse=True)
    assert (scan.count, scan.severity, scan.until_us) == (6, "warning", NINE * 1_000_000)
    assert (beacon.count, beacon.since_us // 1_000_000) == (120, NINE - 6 * 3_600)
    assert '"period_s":170.0' in beacon.evidence
    assert look(engine).seen == seen


def test_what_the_new_holder_answers_is_new_but_for_the_address(engine: Engine) -> None:
    """The same call without that past would ring: it is the address alone that keeps it quiet."""
    fresh = Tables(engine.ask, ask_oldest(engine.ask)).new_contacts(STEP).to_pylist()
    assert [(one["client"], one["server"], one["address"]) for one in fresh if one["client"] == "shop/web"] == [
        ("shop/web", "pay/db", "10.0.1.7")
    ]
    assert fresh[0]["since_s"] == NINE - 9 * DAY_S


def test_old_clients_of_a_server_are_those_of_all_its_ports_before_the_step(engine: Engine) -> None:
    clients = Tables(engine.ask, ask_oldest(engine.ask)).clients_of([("default", "pay/db")], STEP.start_s)
    assert clients == {("default", "pay/db"): frozenset({"shop/api", "pay/api"})}


def test_in_the_middle_of_an_hour_no_beacon_is_looked_for(engine: Engine) -> None:
    assert not [one for one in look(engine, Span(NINE - 1_500, NINE - 1_200)).seen if one.key.kind == "beacon"]


def test_a_finding_is_over_when_it_was_not_seen_for_its_time() -> None:
    key = FindingKey("scan", "default", "shop/web", "", 0)
    for seen_s, is_over in ((NINE - 1_800, False), (NINE - 3_600, True)):
        opened = {key: Finding(finding_id(key, seen_s), key, "open", "warning", seen_s * 10**6, seen_s * 10**6, 5, "{}", 1)}
        assert over(opened, (), STEP) == (frozenset({key}) if is_over else frozenset())
        assert not over(opened, (Sighting(key, "warning", seen_s * 10**6, NINE * 10**6, 5, "{}"),), STEP)


def test_a_move_to_another_server_is_a_new_edge_until_it_is_known(engine: Engine) -> None:
    write(engine, MOVE)
    edge = found(engine)["new_edge"]
    assert (edge.key.subject, edge.key.peer, edge.key.service_port) == ("shop/web", "pay/db", 5432)
    write(engine, Flow(NINE + 10, "shop/web", "10.0.0.1", "pay/db", "10.0.1.2", 5432))
    assert not [one for one in look(engine, Span(NINE, NINE + 300)).seen if one.key.kind == "new_edge"]


def test_a_deploy_is_allowed_new_edges(engine: Engine) -> None:
    engine.execute(
        "INSERT INTO weir.workload_states (network, name, kind, namespace, labels, exists, at) "
        f"VALUES ('default', 'shop/web', 'Deployment', 'shop', map('version', '2'), true, {NINE - 900})"
    )
    assert "new_edge" not in found(engine)


def test_after_a_deploy_one_server_that_many_call_is_expected_and_two_within_the_hour_are_not(engine: Engine) -> None:
    engine.execute(
        "INSERT INTO weir.workload_states (network, name, kind, namespace, labels, exists, at) "
        f"VALUES ('default', 'ops/agent', 'Deployment', 'ops', map('version', '2'), true, {NINE - 5 * 3_600})"
    )
    shared = [(f"pay/{name}", f"10.0.5.{number}") for number, name in enumerate(("ledger", "mail"))]
    calls = [(f"a/c{number}", f"10.0.4.{number}", *server) for number in range(3) for server in shared]
    write(engine, *(old(*call, 9090) for call in calls))

    def edges() -> list[str]:
        return [one.key.peer for one in look(engine).seen if (one.key.kind, one.key.subject) == ("new_edge", "ops/agent")]

    write(engine, Flow(NINE - 90, "ops/agent", "10.0.0.3", *shared[0], 9090))
    assert edges() == []
    write(engine, Flow(NINE - 1_500, "ops/agent", "10.0.0.3", *shared[1], 9090))
    assert edges() == ["pay/ledger"]
