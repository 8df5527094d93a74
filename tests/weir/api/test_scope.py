"""Whoever may see a part learns nothing of the rest: no foreign name stands in any answer, header or error, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from sinks.filter.fields import ALIASES, FIELDS
from sinks.filter.parse import parse
from sinks.queries.metrics import METRICS
from tests.weir.api.conftest import client_of
from tests.weir.api.shop import MARK, Watched
from weir.api import models, openapi
from weir.api.auth.access import Access
from weir.api.tables import Tables

PAY = Access(
    False,
    scopes={
        "pay": parse("workload=pay-*"),
        "zone": parse("client_zone=eu-1b"),
        "node": parse("node=n1"),
        "ip": parse("ip in 10.0.0.0/31"),
        "all": None,
    },
    proxies=(ip_network("10.9.0.0/16"),),
)
SCOPES = ("pay", "zone", "node", "ip")

TERMS = st.sampled_from(
    (
        *(f"client={MARK}/web", f"server={MARK}*", f"workload={MARK}*", f"namespace={MARK}", f"zone={MARK}-zone", f"node={MARK}-n3", MARK),
        *(f"service={MARK}/svc", f"domain={MARK}.example", f"server!={MARK}/db", "ip in 10.0.1.3", "ip in 10.0.0.0/8", "client=pay-*"),
        *("web", "failed>0", "bytes>1kB", "rtt>1us", "failed > 5%", "reason=gap", "canonical=yes", "role=client", "port in (443, 5432)"),
        *("not client=pay-api", "client=", "(", "or", "\x00", '"', "unnamed"),
    )
)
FILTERS = st.lists(TERMS, max_size=4).map(" ".join) | st.lists(TERMS, min_size=2, max_size=3).map(" or ".join) | st.text(max_size=12)
DIMENSIONS = [name for name, one in FIELDS.items() if not one.is_metric and not one.ends]
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "q": FILTERS,
    "by": st.lists(st.sampled_from(DIMENSIONS), max_size=4, unique=True).map(",".join)
    | st.sampled_from(["stage,reason,node", "step,node", ""]),
    "metrics": st.lists(st.sampled_from(list(METRICS)), max_size=4).map(",".join),
    "order": st.sampled_from([*METRICS, *ALIASES]),
    "from": st.sampled_from(["now-1h", "now-2m", "now-1d", "0", "now-400d", "2100-01-01T00:00:00Z", "soon"]),
    "to": st.sampled_from(["now", "now+1h", "now-7s"]),
    "step": st.sampled_from(["auto", "10s", "1m", "1h", "1d", "3s"]),
    "compare": st.sampled_from(["", "-1h", "-1d", "now-2h"]),
    "open": st.sampled_from(["", f"w:{MARK}/web", f"n:{MARK}", "p:pay"]),
    "ip": st.sampled_from(["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.0.3", "::", "x"]),
    "local_ip": st.sampled_from(["", "10.0.0.1", "10.0.0.3"]),
    "client": st.sampled_from(["pay-api", "web", f"{MARK}/web", "x", ""]),
    "server": st.sampled_from(["pay-db:5432", "pay-api", "10.0.1.0/24", f"{MARK}/db", "cards.example:443", "x"]),
    "workload": st.sampled_from(["", "pay-db", f"{MARK}/db", f"{MARK}/before"]),
    "at": st.sampled_from(["", "now-30s", "now-1h"]) | st.integers(0, 80).map(str),
    "kind": st.sampled_from(["", "scan", "failure,scan", "noise"]),
    "cursor": st.sampled_from(["", "e30="]),
}


@pytest.fixture(scope="module")
def shared(engine: Watched) -> Tables:
    return Tables(engine, ranges={f"{MARK}/office": ("10.0.1.0/24",)})


@pytest.fixture(scope="module")
def scoped(shared: Tables) -> Iterator[TestClient]:
    yield client_of(shared, PAY, peer="10.9.1.1")


def asked_as(client: TestClient, group: str, path: str, query: dict[str, Any]) -> Any:
    return client.get(f"/api/v1{path}", params=query, headers={"Remote-User": "ann", "Remote-Groups": group})


def operations() -> list[tuple[str, list[dict[str, Any]]]]:
    paths = openapi.describe()["paths"]
    return [(path, paths[path]["get"]["parameters"]) for path in paths if "get" in paths[path] and path != "/live"]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    path, parameters = draw(st.sampled_from(operations()))
    wanted = [one for one in parameters if one["required"] or draw(st.booleans())]
    return draw(st.sampled_from(SCOPES)), path, {one["name"]: draw(_values(one)) for one in wanted}


def _values(parameter: dict[str, Any]) -> st.SearchStrategy[Any]:
    schema = parameter["schema"]
    if parameter["name"] in NAMED:
        return NAMED[parameter["name"]]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    return st.integers(0, 100) | st.sampled_from(["", "x"])


def test_the_marks_are_seen_by_those_who_may(scoped: TestClient) -> None:
    for path, query in (
        ("/edges", {"by": "client,server,node,client_zone,domain,service"}),
        ("/losses", {}),
        ("/status", {}),
        ("/flows", {}),
        ("/findings", {}),
    ):
        assert MARK in asked_as(scoped, "all", path, query).text
    assert MARK in asked_as(scoped, "all", "/ownership", {"ip": "10.0.1.1", "from": "now-2h"}).text
    assert "pay-db" in asked_as(scoped, "pay", "/edges", {}).text


@pytest.mark.parametrize("scope", ["pay", "zone"])
def test_explanations_and_owners_hide_foreign_names(scoped: TestClient, scope: str) -> None:
    held = asked_as(scoped, scope, "/ownership", {"ip": "10.0.1.1", "from": "now-2h"})
    assert len(held.json()["data"]["workload"]) == 2 and "outside of your scope" in held.text and MARK not in held.text
    assert asked_as(scoped, scope, "/ownership", {"workload": f"{MARK}/before", "from": "now-2h"}).json()["data"]["workload"] == []
    assert asked_as(scoped, scope, "/explain", {"ip": "10.0.1.3"}).status_code == 404
    own = "10.0.1.2" if scope == "zone" else "10.0.1.1"
    why = asked_as(scoped, scope, "/explain", {"ip": own})
    assert why.status_code == 200 and "outside of your scope" in why.text and MARK not in why.text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(request=requests())
def test_nothing_that_is_asked_tells_a_foreign_name(scoped: TestClient, request: tuple[str, str, dict[str, Any]]) -> None:
    scope, path, query = request
    answer = asked_as(scoped, scope, path, query)
    said = answer.text + repr(answer.headers)
    echoed = sum(str(value).count(MARK) for value in query.values())
    assert answer.status_code < 500, (answer.status_code, said)
    if not echoed:
        assert MARK not in said
    if answer.status_code == 200 and query.get("format", "json") == "json":
        _fits(path, answer.json())
        if "data" in answer.json():
            assert path in ("/parse", "/complete", "/openapi.json") or MARK not in repr(answer.json()["data"])
    elif answer.status_code != 200:
        models.Problem.model_validate(answer.json())
        assert answer.headers["content-type"] == "application/problem+json"


def _fits(path: str, answer: Any) -> None:
    if path in openapi.ANSWERS:
        openapi.ANSWERS[path].model_validate(answer)
    else:
        openapi.DOCUMENTS[path].model_validate(answer["data"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    scope=st.sampled_from(SCOPES),
    field=st.sampled_from([*FIELDS]),
    operator=st.sampled_from(["=", "!=", " in ("]),
    part=st.sampled_from(["", "z", MARK[:4]]),
)
def test_completion_offers_no_foreign_name(scoped: TestClient, scope: str, field: str, operator: str, part: str) -> None:
    answer = asked_as(scoped, scope, "/complete", {"q": f"{field}{operator}{part}", "from": "now-1h"})
    assert answer.status_code == 200 and MARK not in answer.text
