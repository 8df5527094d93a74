"""Findings over the API: in which order, by what they are asked for, and what of them a scope hides."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from tests.weir.api.conftest import client_of
from tests.weir.api.shop import MARK, Watched
from tests.weir.api.test_scope import PAY, asked_as
from weir.answers.findings import SHOWN
from weir.api.tables import Tables
from weir.cli import weir


def ids(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/findings?{query}")
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["data"]["id"]
    return found


def test_open_ones_come_first_then_the_gravest_then_the_newest(client: TestClient) -> None:
    found = client.get("/api/v1/findings").json()
    assert list(found["data"]) == list(SHOWN)
    assert found["data"]["id"] == ["f3", "f1", "f4", "f2"]
    assert found["data"]["count"][1] == 2 and found["data"]["evidence"][1] == '{"refused":3}'
    assert found["data"]["sentence"][1] == "pay-api -> pay-db:5432: connections fail."
    assert found["data"]["sentence"][3] == f"pay-api tries 12 servers, {MARK}/db among them."
    assert found["meta"]["table"] == "findings"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("state=closed", ["f2"]),
        ("kind=storm,scan", ["f4", "f2"]),
        ("q=client%3Dpay-api", ["f1", "f2"]),
        ("q=server%3Dpay-*%20port%3D5432", ["f1"]),
        ("q=pay-db", ["f1"]),
        ("from=now-1h&to=now-50m", []),
        ("limit=1", ["f3"]),
    ],
)
def test_they_are_asked_for_by_state_kind_names_and_time(client: TestClient, query: str, wanted: list[str]) -> None:
    assert ids(client, query) == wanted


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kind=scam", "did you mean scan?"),
        ("q=zone%3Deu-1a", "A finding has no client_zone"),
        ("q=failed%3E0", "A finding has no connections_failed"),
        ("state=half", "state is wrong"),
    ],
)
def test_what_findings_do_not_have_is_refused(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"/api/v1/findings?{query}")
    assert answer.status_code == 400 and said in answer.json()["detail"]


def test_a_scope_hides_others_and_the_names_in_the_evidence(engine: Watched) -> None:
    scoped = client_of(Tables(engine), PAY, peer="10.9.1.1")
    found: dict[str, Any] = asked_as(scoped, "pay", "/findings", {}).json()
    assert found["data"]["id"] == ["f1", "f2"] and MARK not in json.dumps(found["data"])
    assert json.loads(found["data"]["evidence"][1]) == {"tried": 12, "share": 0.5}
    assert found["data"]["sentence"][1] == "pay-api: tries ports and addresses, and most do not answer."


@pytest.mark.parametrize("scope", ["zone", "node", "ip"])
def test_a_scope_that_no_name_can_say_shows_none(engine: Watched, scope: str) -> None:
    found = asked_as(client_of(Tables(engine), PAY, peer="10.9.1.1"), scope, "/findings", {}).json()
    assert found["data"]["id"] == [] and found["meta"]["warnings"]


def test_the_command_shows_the_same(engine: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.commands.findings.opened_engine", lambda settings: nullcontext(engine))
    shown = CliRunner().invoke(weir, ["findings", "--state", "all", "-q", "client=pay-api", "--format", "json"])
    assert [json.loads(line)["id"] for line in shown.stdout.splitlines()] == ["f1", "f2"]
    assert "from findings." in shown.stderr
    table = CliRunner().invoke(weir, ["findings", "--kind", "storm"])
    assert "more new findings within an hour" in " ".join(table.stdout.lower().split())
    none = CliRunner().invoke(weir, ["findings", "--since", "now+1h"], standalone_mode=False)
    assert "from=now+1h is not before to=now" in str(none.exception)
