"""What the API answers over real tables, in every format; what it refuses, and how; what it asks the engine for it."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from tests.support.processes import ROOT
from tests.weir.api.conftest import RULES, client_of
from tests.weir.api.shop import EDGES, MARK, WINDOWS, Watched, write
from weir.api import models, openapi
from weir.api.app import questions_of
from weir.api.auth.access import OPEN
from weir.api.tables import Tables

API = "/api/v1"
ASKED = {
    "/edges": "from=now-1h&by=client,server&limit=2",
    "/series": "from=now-1h&by=client&step=10s",
    "/groups": "from=now-1h",
    "/flows": "from=now-1h&limit=3",
    "/ownership": "from=now-2h&ip=10.0.1.1",
    "/explain": "ip=10.0.1.1",
    "/losses": "from=now-1h&by=step,stage,reason,node",
    "/findings": "from=now-1h&limit=3",
    "/status": "",
    "/fields": "",
    "/parse": "q=client%3Dpay-*",
    "/complete": "q=server%3Dpay&from=now-1h",
    "/me": "",
    "/views": "",
}


def get(client: TestClient, path: str, query: str = "") -> Any:
    answer = client.get(f"{API}{path}?{query}" if query else API + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", ASKED)
def test_every_path_answers_with_what_its_description_says(client: TestClient, path: str) -> None:
    found = get(client, path, ASKED[path])
    if path in openapi.ANSWERS:
        openapi.ANSWERS[path].model_validate(found)
    else:
        openapi.DOCUMENTS[path].model_validate(found["data"])


def test_every_route_is_described_and_no_other() -> None:
    described = set(openapi.describe()["paths"])
    assert described - {"/live", "/me", "/views", "/views/{number}"} == {one.path for one in questions_of(RULES)}


def test_the_description_in_the_repository_is_this_one() -> None:
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert kept == orjson.loads(orjson.dumps(openapi.describe())), "run: weir console --openapi > docs/openapi.json"


@pytest.mark.parametrize("path", ["/edges", "/series", "/flows", "/losses", "/ownership", "/findings"])
def test_formats_have_the_same_values(client: TestClient, path: str) -> None:
    def body(form: str) -> bytes:
        return client.get(f"{API}{path}?{ASKED[path]}&format={form}").content

    columns = json.loads(body("json"))["data"]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert rows
    assert [json.loads(line) for line in body("ndjson").splitlines()] == rows
    as_text = [{name: _as_text(value) for name, value in row.items()} for row in rows]
    assert list(csv.DictReader(io.StringIO(body("csv").decode()))) == as_text
    arrow = pa.ipc.open_stream(body("arrow")).read_all()
    assert arrow.column_names == list(columns) and arrow.num_rows == len(rows)
    assert json.loads(arrow.schema.metadata[b"weir"])["warnings"] == []
    for name in ("bytes", "flows"):
        if name in columns:
            assert arrow.column(name).to_pylist() == columns[name]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return "" if value is None else str(value)


def test_rows_and_the_other_are_the_total(client: TestClient) -> None:
    meta = get(client, "/edges", "from=now-1h&limit=2&metrics=bytes")["meta"]
    whole = get(client, "/edges", "from=now-1h&metrics=bytes")
    top = get(client, "/edges", "from=now-1h&limit=2&metrics=bytes")["data"]["bytes"]
    assert sum(top) + meta["other"]["bytes"] == meta["total"]["bytes"] == sum(whole["data"]["bytes"]) > 0


@pytest.mark.parametrize("path", ["/edges", "/groups", "/flows"])
def test_an_empty_answer_names_the_terms_that_leave_nothing(client: TestClient, path: str) -> None:
    q = "client%3Dnobody%20and%20port%3E%3D0"
    meta = get(client, path, f"from=now-1h&q={q}")["meta"]
    terms = get(client, "/parse", f"q={q}")["data"]["terms"]
    assert meta["excluded"] == ["client=nobody"] == [term["text"] for term in terms if term["field"] == "client"]
    assert [(term["start"], term["end"]) for term in terms] == [(0, 13), (18, 25)]
    assert get(client, path, "from=now-1h&q=port%3E%3D0")["meta"].get("excluded") is None


def test_fields_are_offered_with_their_meaning_and_names_with_their_bytes(client: TestClient) -> None:
    offered = get(client, "/complete", "q=fail")["data"]["candidates"]
    assert [one["text"] for one in offered] == ["failed"] and "never established" in offered[0]["meaning"]
    (first, *_) = get(client, "/complete", "q=client%3D%20&at=7&from=now-1h")["data"]["candidates"]
    assert first["text"] and first["bytes"] > 0


def test_pages_of_flows_are_all_flows(client: TestClient) -> None:
    query = "from=now-1h&to=now&view=both"
    whole = get(client, "/flows", f"{query}&limit=1000")["data"]
    pages: list[tuple[str, str]] = []
    cursor = ""
    while True:
        page = get(client, "/flows", f"{query}&limit=7&cursor={cursor}")
        pages += list(zip(page["data"]["window_start"], page["data"]["remote_ip"], strict=True))
        cursor = page["meta"]["next"] or ""
        if not cursor:
            break
    assert pages == list(zip(whole["window_start"], whole["remote_ip"], strict=True)) and len(set(pages)) == len(pages) == WINDOWS * len(
        EDGES
    )


@pytest.mark.parametrize(
    ("path", "query", "parameter", "said"),
    [
        ("/edges", "form=csv", "form", "did you mean from|did you mean format"),
        ("/edges", "limit=1&limit=2", "limit", "given twice"),
        ("/edges", "limit=0", "limit", "greater than or equal to 1"),
        ("/edges", "from=yesterday", "from", "RFC|UNIX seconds"),
        ("/edges", "from=now&to=now-1h", "from", "not before"),
        ("/edges", "by=client,server,nose", "by", "known are|did you mean"),
        ("/edges", "metrics=beauty", "metrics", "known are|did you mean"),
        ("/edges", "order=client", "order", "known are|did you mean"),
        ("/series", "step=7s", "step", "use auto"),
        ("/groups", "format=csv", "format", "'json'"),
        ("/losses", "by=colour", "by", "known are"),
        ("/flows", "cursor=abc", "cursor", "meta.next"),
        ("/ownership", "", "ip", "either"),
        ("/explain", "ip=nowhere", "ip", "no address"),
        ("/status", "verbose=1", "verbose", "not known"),
    ],
)
def test_a_wrong_parameter_is_named_with_the_way_out(client: TestClient, path: str, query: str, parameter: str, said: str) -> None:
    answer = client.get(f"{API}{path}?{query}")
    problem = models.Problem.model_validate(answer.json())
    assert (answer.status_code, problem.status, problem.parameter) == (400, 400, parameter)
    assert (
        answer.headers["content-type"] == "application/problem+json"
        and re.search(said, problem.detail)
        and problem.detail.endswith((".", "?"))
    )


def test_a_wrong_filter_says_where(client: TestClient) -> None:
    problem = client.get(f"{API}/edges", params={"q": "client=a bytes > "}).json()
    assert problem["status"] == 400 and problem["parameter"] == "q" and problem["start"] >= 12


@pytest.mark.parametrize(
    "place",
    [["0) OR 1=1 --", 0, 1, "n", "::", "::", 1, "tcp", "client"], [0, 0, 1, "n", "'", "::", 1, "tcp", "client"], {"a": 1}, 7, [1.5] * 9],
)
def test_a_cursor_that_somebody_made_is_refused_before_anything_is_asked(client: TestClient, engine: Watched, place: object) -> None:
    before = len(engine.asked)
    for content in (place, {"place": place}):
        cursor = base64.urlsafe_b64encode(orjson.dumps(content)).decode()
        answer = client.get(f"{API}/flows", params={"cursor": cursor})
        assert answer.status_code == 400 and answer.json()["parameter"] == "cursor"
    assert not any("weir.flows WHERE" in sql and "OR 1=1" in sql for sql in engine.asked[before:])


def test_what_is_none_of_its_addresses_is_a_problem_document_too(client: TestClient) -> None:
    assert client.get(f"{API}/nothing").json()["status"] == 404
    answer = client.put(f"{API}/views")
    assert answer.status_code == answer.json()["status"] == 405 and "POST" in answer.headers["allow"]
    assert client.head(f"{API}/status").status_code == 200
    assert client.get(f"{API}/explain?ip=10.9.9.9").json()["status"] == 404


def test_an_answer_that_one_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get(f"{API}/fields")
    again = client.get(f"{API}/fields", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{API}/fields", headers={"If-None-Match": '"other"'}).content == first.content


def test_every_answer_forbids_what_a_page_does_not_need(client: TestClient) -> None:
    for path in ("/", "/map?q=x", "/healthz", f"{API}/me", f"{API}/nothing", "/assets/none.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert client.get("/").headers["cache-control"] == "no-cache"
    (script, *_) = re.findall(r'src="\./(assets/[^"]+)"', client.get("/").text)
    assert "immutable" in client.get(f"/{script}").headers["cache-control"]


@pytest.mark.parametrize("base", ["/", "/weir/", "/a/b/"])
def test_a_base_path_is_served_cut_off_and_left(tables: Tables, base: str) -> None:
    client = client_of(tables, OPEN, base)
    for prefix in (base, "/"):
        index = client.get(f"{prefix}map?q=x")
        assert index.status_code == 200 and f'<base href="{base}"' in index.text
        assert client.get(f"{prefix}api/v1/me").json()["data"]["auth"] == "open"
        (script, *_) = re.findall(r'src="\./(assets/[^"]+)"', index.text)
        assert client.get(prefix + script).status_code == 200
    if base != "/":
        assert client.get(base.rstrip("/")).headers["location"] == base


def test_a_dead_port_beside_a_busy_one_fails_on_the_map(client: TestClient) -> None:
    graph = client.get(f"{API}/groups?from=now-1h&q=client%3Dweb").json()["data"]
    opened, failed = (sum(graph["edges"][f"connections_{name}"]) for name in ("opened", "failed"))
    assert 0 < failed < opened / 1_000
    assert graph["edges"]["failing_pairs"] == [1]


def test_fifty_who_look_at_the_same_cost_one_statement(client: TestClient, engine: Watched, tables: Tables) -> None:
    start = int(time.time()) // 3_600 * 3_600 - 3_300  # no whole hour is in the span: it is asked of the same table whatever the time
    tables.forget()  # what the tests before have written is known from the first viewer on
    before = len(engine.asked)
    with client, ThreadPoolExecutor(50) as viewers:
        bodies = set(viewers.map(lambda _: client.get(f"{API}/groups?from={start}&to={start + 3000}").content, range(50)))
    assert len(bodies) == 1
    # What the state of the tables is may be asked anew after a second; the question itself is not.
    assert sum("weir.edges_5m" in sql and "toUnixTimestamp(min(" not in sql for sql in engine.asked[before:]) == 1


def test_nothing_is_asked_again_until_something_comes(client: TestClient, engine: Watched, tables: Tables) -> None:
    start = int(time.time()) // 60 * 60 - 3_600
    path = f"/edges?from={start}&to={start + 3_600}&by=client&metrics=bytes"
    first = get(client, path)
    before = len(engine.asked)
    assert get(client, path) == first
    assert not [sql for sql in engine.asked[before:] if "weir.flows" in sql or "weir.edges" in sql]
    write(engine, start + 60, 1, offset=99)  # it comes late
    tables.forget()
    late = get(client, path)
    assert late["meta"]["generation"] != first["meta"]["generation"]
    assert late["meta"]["total"]["bytes"] > first["meta"]["total"]["bytes"]


def test_an_engine_that_is_away_is_503_until_it_is_back(client: TestClient, engine: Watched, tables: Tables) -> None:
    engine.is_away = True
    try:
        answer = client.get(f"{API}/status")
        assert answer.status_code == 503 and answer.headers["retry-after"] == "2" and "away" in answer.json()["detail"]
        assert client.get("/healthz").status_code == 200
    finally:
        engine.is_away = False
    tables.forget()
    assert client.get(f"{API}/status").status_code == 200


def test_views_are_saved_shared_and_removed(client: TestClient) -> None:
    made = client.post(f"{API}/views", json={"name": "failing", "address": "map?q=failed%3E0", "shared": True})
    assert made.status_code == 201
    (view,) = get(client, "/views")["data"]["views"]
    assert (view["name"], view["own"], view["id"]) == ("failing", True, made.json()["data"]["id"])
    assert client.delete(f"{API}/views/{view['id']}").status_code == 204
    assert client.delete(f"{API}/views/{view['id']}").status_code == 404
    assert client.delete(f"{API}/views/{2**70}").status_code == 404
    assert get(client, "/views")["data"]["views"] == []


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Origin": "https://evil.example"}, b"{}", 403),
        ({"Sec-Fetch-Site": "cross-site"}, b"{}", 403),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b"{", 400),
        ({}, b'{"name": "a", "address": "javascript:alert(1)"}', 400),
        ({}, b'{"name": "a", "address": "//evil.example"}', 400),
        ({}, b'{"name": "a", "address": "map", "extra": 1}', 400),
        ({}, b" " * 50_000, 413),
    ],
)
def test_a_view_that_another_site_sends_or_that_is_none_is_refused(
    client: TestClient, headers: dict[str, str], content: bytes, status: int
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    answer = client.post(f"{API}/views", content=content, headers=sent)
    assert answer.status_code == answer.json()["status"] == status
    assert client.delete(f"{API}/views/1", headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_curls_of_the_manual_answer(client: TestClient) -> None:
    shown = re.findall(r"^curl (.*)$", (ROOT / "docs" / "console.md").read_text(), re.MULTILINE)
    assert len(shown) >= 8
    for line in shown:
        (address,) = re.findall(r"http://127.0.0.1:8470(/\S+?)(?:'|$)", line)
        sent = re.findall(r"-d '([^']+)'", line)
        if "/live" in address:
            continue  # it would not end; tests/weir/api/test_live.py follows it
        address = address.replace("10.0.0.1", "10.0.1.1")
        headers = dict(part.split(": ") for part in re.findall(r"-H '([^']+)'", line))
        answer = client.post(address, content=sent[0], headers=headers) if sent else client.get(address)
        assert answer.status_code in (200, 201), (line, answer.text)


def test_losses_are_told_by_node_and_step(client: TestClient) -> None:
    by_node = get(client, "/losses", "from=now-1h&by=node")["data"]
    assert set(by_node["node"]) == {"n1", "n2", f"{MARK}-n3"}
    whole = get(client, "/losses", "from=now-1h&by=")["data"]
    steps = get(client, "/losses", "from=now-1h&by=step&step=10s")
    assert whole["flows"] == [sum(by_node["flows"])] == [sum(steps["data"]["flows"])] and steps["meta"]["step"] == 10
    assert steps["data"]["time"] == sorted(steps["data"]["time"]) and "weir.losses" in steps["meta"]["sql"]
