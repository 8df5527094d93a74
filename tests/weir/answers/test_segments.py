"""`weir segments` over real tables: two views of an edge, services, addresses outside, labels by time, and what a filter bounds."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.open import open_engine, open_sink
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from tests.support.processes import PATIENCE, weir
from weir import cli
from weir.answers.segments import Segmentation, SegmentsQuestion, segments
from weir.query_options import BadParameter

DAY_S = 86_400
START_S = 1_767_225_600
"""2026-01-01 00:00:00 UTC."""
SPAN = Span(START_S, START_S + 2 * DAY_S)
CIDRS = "172.16.0.0/12=partner"
LABELS = {"web": "web", "api": "api", "db": "db", "job": "job"}


def flows(engine: Engine, client: str, server: str, port: int, *, by_server: bool = False, canonical: bool = True, **given: str) -> None:
    """Five connections in each of six hours of two days."""
    local, remote = (server, client) if by_server else (client, server)
    row = {
        "window_start": f"toDateTime({START_S} + {DAY_S} * intDiv(number, 6) + 3600 * (number % 6), 'UTC')", "window_seconds": "10",
        "region": "'eu'", "network": "'default'", "node_id": "'n1'", "epoch": "1", "protocol": "'tcp'",
        "role": "'server'" if by_server else "'client'", "local_ip": "toIPv6('10.0.0.1')", "remote_ip": "toIPv6('10.0.0.2')",
        "service_port": str(port), "local_workload": f"'{local}'", "remote_workload": f"'{remote}'", "remote_source": "'heartbeat'",
        "remote_reason": "''", "canonical": str(int(canonical)), "bytes_sent": "500", "bytes_received": "700", "payload_bytes_sent": "100",
        "payload_bytes_received": "100", "connections_opened": "5", "first_offset": "1", "remote_service": "''", "remote_domain": "''",
    } | given  # fmt: skip
    engine.execute(f"INSERT INTO weir.flows ({', '.join(row)}) SELECT {', '.join(row.values())} FROM numbers(12)")  # noqa: S608


def fill(engine: Engine) -> None:
    flows(engine, "shop/web", "shop/api", 80, remote_service="'shop/api'", remote_source="'service'")
    flows(engine, "shop/web", "shop/api", 8080, by_server=True, canonical=False)
    flows(engine, "shop/api", "shop/db", 5432)
    flows(engine, "shop/api", "partner", 8443, remote_source="'cidr'", remote_ip="toIPv6('172.16.0.9')")
    flows(
        engine, "shop/api", "", 443, remote_source="'none'", remote_reason="'external'", remote_ip="toIPv6('192.0.2.7')",
        remote_domain="'pay.cards.example'", registrable_domain="'cards.example'",
    )  # fmt: skip
    flows(engine, "shop/web", "", 9000, remote_source="'none'", remote_reason="'gap'")
    flows(engine, "shop/job", "shop/db", 5432, connections_opened="0", payload_bytes_received="0")
    for name, app in LABELS.items():
        state = {"network": "'default'", "name": f"'shop/{name}'", "kind": "'Deployment'", "namespace": "'shop'"}
        state |= {"labels": f"map('app', '{app}', 'team', 'goods')", "exists": "1", "at": f"toDateTime64({START_S - DAY_S}, 6)"}
        engine.execute(f"INSERT INTO weir.workload_states ({', '.join(state)}) SELECT {', '.join(state.values())}")  # noqa: S608


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"chdb://{tmp_path_factory.mktemp('segments') / 'data'}"
    with closing(open_sink(url)) as sink:
        sink.migrate()
    with closing(open_engine(url)) as engine:
        fill(engine)
    return url


@pytest.fixture
def answered(url: str) -> Iterator[Callable[[SegmentsQuestion], Segmentation]]:
    with closing(open_engine(url, read_only=True)) as engine:
        yield lambda question: segments(engine.ask, ask_oldest(engine.ask), question)


Answered = Callable[[SegmentsQuestion], Segmentation]


def test_an_edge_stands_at_the_port_that_is_served(answered: Answered) -> None:
    ends = {role.name: role.members[0] for role in answered(SegmentsQuestion(SPAN)).roles}
    found = {
        (ends.get(one.source, one.source), ends.get(one.target, one.target), one.port) for one in answered(SegmentsQuestion(SPAN)).edges
    }
    assert found == {
        ("shop/web", "shop/api", 8080), ("shop/api", "shop/db", 5432), ("shop/api", "partner", 8443), ("shop/api", "outside", 443),
    }  # fmt: skip


def test_policies_name_what_was_seen_by_label_and_by_address(answered: Answered) -> None:
    found = answered(SegmentsQuestion(SPAN, flavour="kubernetes"))
    objects = {one["metadata"]["name"]: one["spec"] for one in yaml.safe_load_all(found.manifests or "")}
    assert set(objects) == {"weir-web", "weir-api", "weir-db"}
    assert {"podSelector": {"matchLabels": {"app": "web"}}} in objects["weir-api"]["ingress"][-1]["from"]
    assert objects["weir-api"]["ingress"][-1]["ports"] == [{"protocol": "TCP", "port": 8080}]
    assert any(rule["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}] for rule in objects["weir-api"]["egress"])
    assert any("partner stands for a range" in need for need in found.needs)
    assert [(one.client, one.server) for one in found.cut] == [("shop/api", "partner")]


def test_cilium_takes_the_whole_domain(answered: Answered) -> None:
    found = answered(SegmentsQuestion(SPAN, flavour="cilium"))
    assert "matchName: pay.cards.example" in (found.manifests or "")


def test_what_has_an_end_that_nobody_knows_is_said_and_not_learned(answered: Answered) -> None:
    found = answered(SegmentsQuestion(SPAN))
    assert any(need.startswith("60 connections have an end that is not known") for need in found.needs)
    assert all(edge.port != 9000 for edge in found.edges)


def test_a_second_day_is_put_to_the_policies_of_the_first(answered: Answered) -> None:
    first, second = Span(START_S, START_S + DAY_S), Span(START_S + DAY_S, SPAN.end_s)
    assert answered(SegmentsQuestion(first, check=second)).cut == ()
    assert {one.server for one in answered(SegmentsQuestion(first, parse("port=5432"), check=second)).cut} == set()


def test_a_filter_bounds_everything(answered: Answered) -> None:
    found = answered(SegmentsQuestion(SPAN, parse("server=shop/db"), "kubernetes"))
    assert {member for role in found.roles for member in role.members} == {"shop/api", "shop/db"}
    assert "web" not in str(found.manifests) and "partner" not in str(found.needs)


def test_a_filter_by_sums_is_refused(answered: Answered) -> None:
    with pytest.raises(BadParameter, match="leave sums"):
        answered(SegmentsQuestion(SPAN, parse("bytes>1GB")))


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", url)
    monkeypatch.setenv("WEIR_CIDRS", CIDRS)

    def command(*arguments: str, status: int = 0) -> tuple[str, str]:
        assert cli.run(("segments", "--from", str(SPAN.start_s), "--to", str(SPAN.end_s), *arguments)) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return command


Command = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def console(url: str) -> Iterator[int]:
    """Its port."""
    with weir("console", "--listen", "127.0.0.1:0", settings={"clickhouse_url": url, "cidrs": CIDRS}) as child:
        yield int(child.line(r"The console: http://127\.0\.0\.1:(\d+)/").group(1))


def test_the_command_prints_roles_edges_and_what_would_be_cut(run: Command) -> None:
    shown, said = run()
    assert "shop/web" in shown and "8,080" in shown and "would be cut" in shown
    assert "policies would cut 0 of" in said and "from flows_1h." in said


def test_the_command_prints_policies_that_kubectl_can_read(run: Command) -> None:
    shown, _ = run("--policy", "calico")
    assert {one["kind"] for one in yaml.safe_load_all(shown)} == {"NetworkPolicy"}
    assert "172.16.0.0/12" in shown


def test_json_has_the_columns_of_the_api(run: Command, tmp_path: Path) -> None:
    found = json.loads(run("--format", "json", "--policy", "kubernetes", "--out", str(tmp_path / "policies.yaml"))[0])
    assert {"roles", "edges", "cut", "policies", "needs"} <= set(found)
    assert (tmp_path / "policies.yaml").read_text() == found["policies"]


@pytest.mark.parametrize("policy", ["kubernetes", "calico"])
def test_the_console_says_what_the_command_says_by_the_same_settings(run: Command, console: int, policy: str) -> None:
    """Also of a range: what it stands for is told by WEIR_CIDRS alone."""
    command = json.loads(run("--format", "json", "--policy", policy)[0])
    found = get(console, f"/api/v1/segments?from={SPAN.start_s}&to={SPAN.end_s}&policy={policy}")
    assert "172.16.0.0/12" in found["policies"] and found["cut"]["client"] == []
    assert {name: found[name] for name in ("roles", "edges", "policies", "needs")} == {
        name: command[name] for name in ("roles", "edges", "policies", "needs")
    }


def get(port: int, path: str) -> Any:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30 * PATIENCE)) as connection:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())["data"]


def test_a_file_of_selectors_goes_before_labels(run: Command, tmp_path: Path) -> None:
    (tmp_path / "selectors.toml").write_text('[workloads."shop/web"]\nrun = "front"\n[always]\napi_server = ["10.96.0.1/32"]\n')
    shown, _ = run("--policy", "kubernetes", "--selectors", str(tmp_path / "selectors.toml"))
    assert "run: front" in shown and "10.96.0.1/32" in shown


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("[workload]\n", "'workload', which is not known"),
        ('[workloads."a/b"]\n', "would select every pod"),
        ('[workloads."a/b"]\napp = "x y"\n', "is no label"),
        ('[ranges]\noffice = ["10.0.0.1/8"]\n', "host bits"),
        ("[always]\nmetadata = 1\n", "neither true nor false"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(run: Command, tmp_path: Path, written: str, sentence: str) -> None:
    (tmp_path / "selectors.toml").write_text(written)
    assert sentence in run("--selectors", str(tmp_path / "selectors.toml"), status=2)[1]


def test_a_check_outside_of_the_span_is_refused(run: Command) -> None:
    assert "is not within the span" in run("--check-from", str(SPAN.end_s), status=2)[1]
