"""`/path` over the API's shop: the shape of its answer, its errors, and what a scope leaves of it."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.weir.api.conftest import client_of
from tests.weir.api.shop import MARK, Watched
from tests.weir.api.test_scope import PAY
from weir.api.answers.path import Path
from weir.api.tables import Tables


def asked(console: TestClient, status: int = 200, /, **query: str) -> Any:
    answer = console.get("/api/v1/path", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_path_has_a_verdict_with_its_evidence(client: TestClient) -> None:
    found = asked(client, client="pay-api", server="pay-db", port="5432", **{"from": "now-10m"})
    data = found["data"]
    Path.model_validate(data)
    assert (data["client"], data["server"], data["protocol"], data["service_port"]) == ("pay-api", "pay-db", "tcp", 5432)
    assert data["opened"] > 0 and data["failed"] > 0 and data["evidence"]["node"] == ["n1"]
    assert data["share"]["low"] < 0.625 < data["share"]["high"]
    assert found["meta"]["table"] == "flows" and "weir.flows" in found["meta"]["sql"]


def test_the_dead_port_of_a_busy_server_is_a_path_of_its_own(client: TestClient) -> None:
    """Losses in every window leave it unknown for now; what was counted is told."""
    data = asked(client, client="web", server="pay-api:9001")["data"]
    assert (data["verdict"], data["ok"], data["opened"]) == ("unknown", None, 0) and data["failed"] == data["refused"] > 0
    assert any(reason.startswith("Counts of node n1 are lost") for reason in data["reasons"])


def test_an_unknown_name_names_the_parameter_and_the_nearest(client: TestClient) -> None:
    problem = asked(client, 400, client="pay-app", server="pay-db")
    assert problem["parameter"] == "client" and "did you mean pay-api?" in problem["detail"]
    assert asked(client, 400, client="web", server="")["parameter"] == "server"
    assert asked(client, 400, client="10.0.0.1", server="pay-db")["parameter"] == "client"


def test_a_scope_bounds_the_names_that_are_known(engine: Watched) -> None:
    scoped = client_of(Tables(engine), PAY, peer="10.9.1.1")
    scoped.headers.update({"Remote-User": "ann", "Remote-Groups": "pay"})
    assert MARK not in str(asked(scoped, 400, client=MARK[:-1], server="pay-db"))
    assert "did you mean" not in str(asked(scoped, 400, client=f"{MARK}/web", server=f"{MARK}/db")["detail"])
    found = asked(scoped, client="pay-api", server="pay-db", port="1")["data"]
    assert found["verdict"] == "unknown" and not any("node n" in reason for reason in found["reasons"])
