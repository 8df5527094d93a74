"""What `weir cost` finds over real tables, beside what another way of reckoning makes of the same flows."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.instants import format_instant
from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.open import open_engine, open_sink
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from streams.insights.cost.charges import Step
from streams.insights.cost.prices import Prices, Through
from tests.simulator.answers.cost import MONTH_S, STEPS, Labelled, prices, world
from tests.simulator.answers.cost_oracle import reckoned
from weir import cli
from weir.answers.cost import CostQuestion, cost, read_cost_span
from weir.query_options import BadParameter

SEED = 4
BEGIN_S, END_S = STEPS[0].start_s + 11_230, STEPS[2].end_s - 25_510
OWN_STEPS = (replace(STEPS[0], start_s=BEGIN_S), STEPS[1], replace(STEPS[2], end_s=END_S))
"""The span begins and ends in the middle of five minutes."""
ROWS = world(SEED, 120).totals
NAT_PORT = 8443


def priced() -> Prices:
    through = parse(f"reason=external port={NAT_PORT}")
    assert through is not None
    return replace(prices(SEED), throughs=(Through("nat", through),))


def flow(at: int, row: Labelled, chance: random.Random) -> dict[str, str]:
    """One window's flow, told by the client's node or by the server's, whichever end is not outside or unknown."""
    traffic, place = row.traffic, row.traffic.place
    steps = (Step(MONTH_S, BEGIN_S, MONTH_S), *OWN_STEPS)
    step = steps[traffic.step + 1]
    start_s = chance.randrange(step.start_s // 10, step.end_s // 10) * 10
    client = (place.client_zone, place.client_region, "" if place.outside == "client" else f"c{at}")
    server = (place.server_zone, place.server_region, f"s{at}" if place.server_region else "")
    by_server = not place.client_region or bool(place.server_region) and chance.random() < 0.5
    local, remote = (server, client) if by_server else (client, server)
    sent, received = (traffic.received, traffic.sent) if by_server else (traffic.sent, traffic.received)
    domain = f"b{at}.s3.example" if place.range_at else ""
    return {
        "window_start": f"toDateTime({start_s}, 'UTC')", "window_seconds": "10", "first_seen": f"toDateTime64({start_s}, 6, 'UTC')",
        "last_seen": f"toDateTime64({start_s} + 9, 6, 'UTC')", "network": "'default'", "node_id": "'n1'", "epoch": "1", "protocol": "'tcp'",
        "role": "'server'" if by_server else "'client'", "local_ip": f"toIPv6('10.0.0.{at}')", "remote_ip": f"toIPv6('10.1.0.{at}')",
        "service_port": str(NAT_PORT if place.through_at else 443), "local_zone": f"'{local[0]}'", "region": f"'{local[1]}'",
        "local_workload": f"'{local[2]}'", "remote_zone": f"'{remote[0]}'", "remote_region": f"'{remote[1]}'",
        "remote_workload": f"'{remote[2]}'", "remote_source": "'heartbeat'" if remote[2] else "'none'",
        "remote_reason": f"'{place.reason}'", "canonical": "1", "bytes_sent": str(sent),
        "bytes_received": str(received), "remote_domain": f"'{domain}'", "registrable_domain": f"'{domain}'",
    }  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("cost") / "data"
    sink = open_sink(f"chdb://{directory}")
    sink.migrate()
    sink.close()
    engine = open_engine(f"chdb://{directory}")
    chance = random.Random(SEED)
    flows = [flow(at, row, chance) for at, row in enumerate(ROWS)]
    each = " UNION ALL ".join(f"SELECT {', '.join(one.values())}" for one in flows)
    engine.execute(f"INSERT INTO weir.flows ({', '.join(flows[0])}) {each}")  # noqa: S608 - the test's own values
    engine.execute(
        f"INSERT INTO weir.losses (window_start, node_id, stage, reason, bytes) SELECT {BEGIN_S}, 'n1', 'agent', 'map_full', 7919"
    )  # noqa: S608
    engine.close()
    return f"chdb://{directory}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    yield opened
    opened.close()


def expected(chosen: Callable[[int], bool]) -> dict[tuple[str, str, str], int | None]:
    """Nanos by client, server and class, of the rows in the span that are chosen."""
    places = [at for at, row in enumerate(ROWS) if row.traffic.step >= 0 and chosen(at)]
    found: defaultdict[tuple[str, str, str], list[int | None]] = defaultdict(list)
    for (at, _, of_class, _), nano in reckoned([ROWS[place] for place in places], ROWS, OWN_STEPS, priced()).items():
        number, place = places[at], ROWS[places[at]].traffic.place
        client, server = "" if place.outside == "client" else f"c{number}", f"s{number}" if place.server_region else ""
        found[client, server, of_class].append(nano)
    return {key: None if None in nanos else sum(nano or 0 for nano in nanos) for key, nanos in found.items()}


def test_every_line_is_what_another_way_of_reckoning_gives_to_the_nano(engine: Engine) -> None:
    """Tables of all lengths, two months and a change of prices. Rows in another order may change a nano between them: it sums up."""
    found = cost(engine.ask, ask_oldest(engine.ask), priced(), CostQuestion(Span(BEGIN_S, END_S), limit=5_000))
    wanted = expected(lambda at: True)
    lines = {(*line.names, line.of_class): line.nano for line in found.lines}
    assert lines.keys() == wanted.keys() and len(lines) > 100
    assert {key for key, nano in lines.items() if nano is None} == {key for key, nano in wanted.items() if nano is None} != set()
    assert all(abs((lines[key] or 0) - (wanted[key] or 0)) <= len(OWN_STEPS) for key in lines)
    assert found.total_nano == sum(nano or 0 for nano in wanted.values()) == sum(line.nano or 0 for line in found.lines)
    assert {"edges_1d", "edges_1h", "edges_5m"} < set(found.plan.tables) and found.other.lines == 0


def test_a_filter_takes_its_part_and_disjoint_filters_are_the_whole(engine: Engine) -> None:
    oldest = ask_oldest(engine.ask)

    def total(q: str) -> int:
        question = CostQuestion(Span(BEGIN_S, END_S), ("client",), parse(q), 3)
        found = cost(engine.ask, oldest, priced(), question)
        assert sum(line.nano or 0 for line in found.lines) + (found.other.nano or 0) == found.total_nano
        return found.total_nano or 0

    parts = [total("client=c1*"), total("not client=c1*")]
    assert parts[0] == sum(
        nano or 0 for nano in expected(lambda at: f"c{at}".startswith("c1") and ROWS[at].traffic.place.outside != "client").values()
    )
    assert all(parts) and abs(sum(parts) - total("")) <= 2 * len(OWN_STEPS) * len(priced().prices)


def test_what_is_not_named_is_priced_all_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest, question = ask_oldest(engine.ask), CostQuestion(Span(BEGIN_S, END_S), limit=5_000)
    whole = cost(engine.ask, oldest, priced(), question)
    monkeypatch.setattr("sinks.queries.cost.NAMED_LIMIT", 10)
    found = cost(engine.ask, oldest, priced(), question)
    assert found.total_nano == whole.total_nano and found.classes == whole.classes
    assert 0 < len(found.lines) <= 20 and found.other.lines > 0


def test_where_nothing_was_seen_the_sum_is_not_known(engine: Engine) -> None:
    found = cost(engine.ask, ask_oldest(engine.ask), priced(), CostQuestion(Span(END_S + 3_600, END_S + 7_200)))
    assert (found.total_nano, found.classes, found.lines, found.savings) == (None, (), (), ())


def test_sums_in_the_filter_are_refused() -> None:
    def unasked(sql: str) -> pa.Table:
        raise AssertionError(sql)

    with pytest.raises(BadParameter, match="leave sums such as bytes>1GB out"):
        cost(unasked, {}, priced(), CostQuestion(Span(0, 60), where=parse("bytes>1GB")))


def test_the_month_is_what_is_asked_where_no_start_is_given() -> None:
    now_s = STEPS[2].start_s + 7_200
    assert read_cost_span(None, "now", now_s) == Span(STEPS[2].start_s, now_s)
    assert read_cost_span(None, "now", STEPS[2].start_s) == Span(MONTH_S, STEPS[2].start_s)
    assert read_cost_span("now-1h", "now", now_s) == Span(now_s - 3_600, now_s)


@pytest.fixture
def ask(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", url)

    def run(*arguments: str, prices: str = "aws", status: int = 0) -> tuple[str, str]:
        monkeypatch.setenv("WEIR_PRICES_FILE", prices)
        span = ("--from", format_instant(BEGIN_S * 1_000_000), "--to", str(END_S))
        assert cli.run(("cost", *span, *arguments)) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def test_the_command_shows_classes_lines_and_what_has_no_price_and_says_that_it_is_an_estimate(ask: Callable[..., tuple[str, str]]) -> None:
    shown, said = ask("--limit", "5")
    assert "inter_zone" in shown and "others)" in shown and "Without a price:" in shown and "no price" in shown
    assert "An estimate by list prices (AWS, on demand, as of 2026-09-20), never the bill" in shown
    assert "complete until no time" in said and "At least 7,919 bytes of the span were not counted" in said
    assert "Some prices of inter_region, internet_out were not checked" in said


def test_json_has_decimal_texts_that_add_up(ask: Callable[..., tuple[str, str]]) -> None:
    found = json.loads(ask("--format", "json", "--by", "class,service_port", "--limit", "5000")[0])
    costs = [Decimal(text) for text in found["rows"]["cost"] if text is not None]
    assert sum(costs) == Decimal(found["total"]) > 0
    assert set(found["rows"]["service_port"]) == {443, NAT_PORT} and None in found["rows"]["cost"]
    assert sum(found["unpriced"]["bytes"]) == sum(
        count for count, money in zip(found["classes"]["bytes"], found["classes"]["cost"], strict=True) if money is None
    )


def test_without_a_price_table_nothing_is_said_to_cost_nothing(ask: Callable[..., tuple[str, str]]) -> None:
    found = json.loads(ask("--format", "json", prices="")[0])
    assert found["total"] is None and set(found["classes"]["cost"]) == {None} and "WEIR_PRICES_FILE" in found["estimate"]
    assert sum(found["classes"]["bytes"]) == sum(row.traffic.sent + row.traffic.received for row in ROWS if row.traffic.step >= 0)


def test_a_price_table_without_prices_is_said_to_have_none(ask: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text('[meta]\ncurrency = "EUR"\ngb_bytes = 1\nsource = "a draft"\n')
    found = json.loads(ask("--format", "json", prices=str(tmp_path / "prices.toml"))[0])
    assert found["total"] is None and found["estimate"].startswith("Nothing has a price: the price table a draft has no [[price]]")


@pytest.mark.parametrize(
    ("arguments", "prices", "said"),
    [
        (("--by", "cleint"), "aws", "by=cleint is not known: did you mean client?"),
        (("-q", "bytes>1GB"), "aws", "leave sums such as bytes>1GB out of the filter."),
        (("--since", "1h"), "aws", "--from and --since are two ways"),
        ((), "/nowhere/prices.toml", "WEIR_PRICES_FILE=/nowhere/prices.toml cannot be read (No such file or directory)"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(
    ask: Callable[..., tuple[str, str]], arguments: tuple[str, ...], prices: str, said: str
) -> None:
    shown, told = ask(*arguments, prices=prices, status=2)
    assert said in told and shown == ""


def test_rules_by_address_are_answered_from_raw_flows(ask: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[meta]\nbase = "aws"\n\n[[range]]\nclass = "peering"\nwhere = "server_ip in 10.1.0.0/16 reason=external"\n')
    shown, said = ask(prices=str(file))
    assert "peering" in shown and "from flows." in said


def test_addresses_are_asked_of_raw_flows_and_cost_what_their_workloads_do(ask: Callable[..., tuple[str, str]]) -> None:
    found = json.loads(ask("--by", "client_ip,client", "--format", "json", "--limit", "5000")[0])
    named = json.loads(ask("--by", "client", "--format", "json", "--limit", "5000")[0])
    assert found["total"] == named["total"] and {ip[:3] for ip in found["rows"]["client_ip"]} == {"10."}
