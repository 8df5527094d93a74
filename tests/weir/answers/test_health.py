"""Health over real tables: what is found, by whom it is bounded, and what is not known; and what a detector makes of it step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson
import pytest

from schemas.errors import WeirError
from schemas.records.finding import Finding, FindingKey, finding_id
from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from streams.insights.health.ranking import Ill
from tests.support.edge_hours import DAYS, END_S, Steady, filled
from weir.answers.health import Health, HealthQuestion, health
from weir.detector.health_watch import HealthWatch

HOUR_S = 3_600
BROKEN_S = END_S - 1_800
EDGES = (
    *(Steady(f"shop/web-{number}", "pay/ledger-db", 5432, failing=400, failing_s=BROKEN_S) for number in range(4)),
    Steady("shop/cart", "pay/api", failing=40, failing_s=BROKEN_S),
    Steady("shop/cart", "ml/scores", slow_s=BROKEN_S),
    Steady("shop/gone", "ml/scores", until_s=BROKEN_S),
    Steady("far/siesta", "ml/scores", until_s=BROKEN_S, idle_s=(BROKEN_S - 24 * HOUR_S, END_S - 24 * HOUR_S)),
    Steady("far/gone", "ml/scores", until_s=BROKEN_S, node="n2"),
    *(Steady(f"shop/well-{number}", "pay/api") for number in range(20)),
    *(
        Steady("old/scanner", f"shop/web-{number}", port, opened=0, failing=10, failing_s=BROKEN_S)
        for number in range(4)
        for port in (22, 23, 25)
    ),
)
Judge = Callable[..., Health]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with filled(tmp_path_factory.mktemp("health") / "data", EDGES, {"n1": END_S, "n2": BROKEN_S}) as opened:
        yield opened


@pytest.fixture
def judge(engine: Engine) -> Judge:
    def ask(q: str = "", span: Span = Span(END_S - HOUR_S, END_S), until_s: int = END_S) -> Health:  # noqa: B008
        return health(engine.ask, ask_oldest(engine.ask), HealthQuestion(span, until_s, parse(q)))

    return ask


def shown(found: Health) -> list[tuple[str, str, str]]:
    return [(ill.signal, ill.client, ill.server) for ill in found.ills]


def of_signal(found: Health, signal: str) -> Ill:
    (ill,) = [ill for ill in found.ills if ill.signal == signal]
    return ill


def test_all_that_does_worse_is_there_by_harm_and_nothing_else(judge: Judge) -> None:
    found = judge()
    assert shown(found) == [
        ("failure", "", "pay/ledger-db"),
        ("failure", "old/scanner", ""),
        ("silence", "shop/gone", "ml/scores"),
        ("failure", "shop/cart", "pay/api"),
        ("rtt", "shop/cart", "ml/scores"),
    ]
    assert found.plan.span == Span(END_S - HOUR_S, END_S) and not found.plan.warnings
    assert found.plan.tables[0] == "edges_5m"


def test_many_clients_of_one_server_are_one_finding_with_all_their_counts(judge: Judge) -> None:
    ill = judge().ills[0]
    assert (ill.fault, ill.clients, ill.severity, ill.since_s, ill.until_s) == ("server pay/ledger-db", 4, "critical", BROKEN_S, None)
    assert (ill.bad, ill.tried, ill.refused, ill.timed_out) == (9_600, 12_000, 9_600, 0)
    assert ill.now == 0.8 and ill.low is not None and ill.high is not None and ill.low < 0.8 < ill.high
    assert ill.sentence.startswith("9,600 of 12,000 connections from 4 clients to pay/ledger-db:5432 failed: 80 %, usually ")
    assert ill.sentence.endswith("; 9,600 were refused, 0 timed out.")


def test_a_scanner_is_one_finding_with_all_that_it_failed_to_reach(judge: Judge) -> None:
    ill = judge().ills[1]
    assert (ill.fault, ill.servers, ill.clients, ill.service_port) == ("client old/scanner", 4, 1, 0)
    assert (ill.bad, ill.tried) == (720, 720)
    assert ill.sentence.startswith("720 of 720 connections from old/scanner to 4 servers failed: 100 %, usually ")


def test_a_time_is_told_as_a_median_beside_the_usual_one(judge: Judge) -> None:
    ill = of_signal(judge(), "rtt")
    assert ill.usual is not None and ill.now is not None
    assert ill.usual == pytest.approx(2_400, rel=0.01) and ill.now == pytest.approx(4 * ill.usual, rel=0.01)
    assert ill.sentence == "A round trip from shop/cart to ml/scores:443 takes 9.6 ms, usually 2.4 ms."


def test_silence_counts_only_where_the_agent_was_alive(judge: Judge) -> None:
    assert of_signal(judge(), "silence").client == "shop/gone"


def test_who_was_silent_at_this_time_of_yesterday_is_not_missed(judge: Judge) -> None:
    assert "far/siesta" not in {ill.client for ill in judge().ills}


def test_who_is_silent_at_this_time_of_every_day_takes_no_place_among_the_suspects(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is room for far/gone, the scanner's twelve edges and shop/gone, in this order, and for none more."""
    monkeypatch.setattr("weir.answers.health.SUSPECTS", 14)
    assert of_signal(judge(), "silence").client == "shop/gone"


def test_a_loss_of_the_node_makes_silence_unknown(engine: Engine, judge: Judge) -> None:
    when = f"SELECT {BROKEN_S} + 300 * number, 'n1', 'agent', 'full' FROM numbers(6)"  # noqa: S608
    engine.execute(f"INSERT INTO weir.losses (window_start, node_id, stage, reason) {when}")
    try:
        assert "silence" not in {ill.signal for ill in judge().ills}
    finally:
        engine.execute("TRUNCATE TABLE weir.losses")


@pytest.mark.parametrize(
    ("q", "servers"),
    [
        ("server=pay/api", {"pay/api"}),
        ("client=shop/cart failed>0", {"pay/api"}),
        ("client_zone=eu-1b", set()),
        ("client=shop/web-1", {"pay/ledger-db"}),
        ("client=old/scanner port=22", {""}),
    ],
)
def test_a_filter_bounds_all_that_is_shown(judge: Judge, q: str, servers: set[str]) -> None:
    found = judge(q)
    assert {ill.server for ill in found.ills} == servers
    assert all(ill.clients == 1 for ill in found.ills)


def test_without_any_past_nothing_is_unusual_yet(judge: Judge) -> None:
    first_s = END_S - DAYS * 24 * HOUR_S
    assert judge(span=Span(first_s, first_s + HOUR_S)).ills == ()


def test_a_filter_by_reporter_is_answered_from_the_tables_that_know_it(judge: Judge) -> None:
    assert set(judge("node=n1").plan.tables) == {"flows_5m", "flows_1h"}


def test_an_address_is_not_known_of_past_weeks(judge: Judge) -> None:
    with pytest.raises(WeirError, match="leave ip, client_ip and server_ip out"):
        judge("ip=10.0.0.1")


def test_only_whole_complete_steps_are_judged(judge: Judge) -> None:
    found = judge(until_s=BROKEN_S + 299)
    assert found.plan.span.end_s == BROKEN_S and not found.ills
    assert "no whole five minutes" in judge(span=Span(END_S - 200, END_S)).plan.warnings[0]
    long = judge(span=Span(END_S - 24 * HOUR_S, END_S))
    assert long.plan.span == Span(END_S - 6 * HOUR_S, END_S) and "last 6 hours" in long.plan.warnings[0]


def test_a_detector_opens_what_health_shows_and_keeps_it(engine: Engine) -> None:
    oldest = ask_oldest(engine.ask)
    opened: dict[FindingKey, Finding] = {}
    first: dict[FindingKey, int] = {}
    for start_s in range(BROKEN_S, END_S, 300):
        look = HealthWatch().look(engine.ask, Span(start_s, start_s + 300), oldest, opened)
        assert not look.ended
        before = dict(opened)
        for one in look.seen:
            first.setdefault(one.key, start_s)
            opened[one.key] = Finding(
                finding_id(one.key, one.since_us), one.key, "open", one.severity, one.since_us, one.until_us, one.count, one.evidence, 1
            )  # fmt: skip
    assert look == HealthWatch().look(engine.ask, Span(END_S - 300, END_S), oldest, before)
    assert {(key.kind, key.subject, key.peer, key.service_port) for key in opened} == {
        ("failure", "pay/ledger-db", "", 5432),
        ("failure", "old/scanner", "", 0),
        ("failure", "shop/cart", "pay/api", 443),
        ("rtt", "shop/cart", "ml/scores", 443),
        ("silence", "shop/gone", "ml/scores", 443),
    }
    assert set(first.values()) == {BROKEN_S + 300}
    assert {one.first_seen_us for one in opened.values()} == {BROKEN_S * 1_000_000}
    whole = next(one for one in opened.values() if one.key.subject == "pay/ledger-db")
    assert whole.count == pytest.approx(9_600, rel=0.01) and orjson.loads(whole.evidence)["tried"] == 12_000


def test_a_detector_ends_what_is_over(engine: Engine) -> None:
    well = FindingKey("failure", "default", "shop/well-1", "pay/api", 443)
    step = BROKEN_S // 300 - 6
    member = {
        "client": "shop/well-1", "server": "pay/api", "protocol": "tcp", "service_port": 443, "since": step, "opened": step, "bad": 80.0,
        "tried": 100.0, "excess": 80.0, "calm": 2, "calm_bad": 0.0, "calm_tried": 200.0, "calm_excess": 0.0,
    }  # fmt: skip
    finding = Finding(
        "id", well, "open", "warning", step * 300_000_000, step * 300_000_000, 80, orjson.dumps({"members": [member]}).decode(), 1
    )
    look = HealthWatch().look(engine.ask, Span(BROKEN_S - 900, BROKEN_S - 600), ask_oldest(engine.ask), {well: finding})
    assert look.ended == {well} and not look.seen
    calmer = replace(finding, evidence=orjson.dumps({"members": [{**member, "calm": 0}]}).decode())
    look = HealthWatch().look(engine.ask, Span(BROKEN_S - 900, BROKEN_S - 600), ask_oldest(engine.ask), {well: calmer})
    assert [one.key for one in look.seen] == [well] and not look.ended
