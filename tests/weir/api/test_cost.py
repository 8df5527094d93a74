"""`/cost`: what a team may see of what transfer costs, by the price table of the console."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.weir.api.conftest import client_of
from tests.weir.api.shop import MARK, Watched
from tests.weir.api.test_scope import PAY, SCOPES
from weir.answers.price_file import read_prices
from weir.api.answers.cost import Cost
from weir.api.tables import Tables

ASKED = "/api/v1/cost?from=now-1h"


def data(client: TestClient, query: str = "", **headers: str) -> Any:
    answer = client.get(f"{ASKED}&{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    Cost.model_validate(found["data"])
    assert found["meta"]["sql"].startswith("SELECT") and found["meta"]["table"]
    return found["data"]


@pytest.fixture
def priced(engine: Watched) -> Tables:
    return Tables(engine, read_prices("aws"))


def test_rows_add_up_to_the_total_and_what_has_no_price_is_not_free(priced: Tables) -> None:
    found = data(client_of(priced), "by=client,class")
    assert found["currency"] == "USD" and "never the bill" in found["estimate"]
    costs = [Decimal(text) for text in found["rows"]["cost"] if text is not None]
    assert sum(costs) == Decimal(found["total"]) and found["other"]["rows"] == 0
    assert set(found["rows"]["class"]) == {"internet_in", "internet_out", "unknown"}  # the shop's remote ends are in no region
    assert {text for of_class, text in zip(found["rows"]["class"], found["rows"]["cost"], strict=True) if of_class == "unknown"} == {None}
    assert set(found["unpriced"]["why"]) == {
        "the region of the server is not known", "the region of the server is not known, which has no name (gap)",
    }  # fmt: skip


def test_rows_that_are_not_shown_are_in_the_other(priced: Tables) -> None:
    whole, first = data(client_of(priced)), data(client_of(priced), "limit=1")
    assert len(first["rows"]["bytes"]) == 1 and first["other"]["rows"] == len(whole["rows"]["bytes"]) - 1
    assert first["rows"]["bytes"][0] + first["other"]["bytes"] == sum(whole["rows"]["bytes"])


def test_without_a_price_table_nothing_has_a_price(client: TestClient) -> None:
    found = data(client)
    assert found["total"] is None and set(found["rows"]["cost"]) == {None} and found["prices"]["source"] == "none"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_bounds_rows_and_what_has_no_price(priced: Tables, scope: str) -> None:
    scoped = client_of(priced, PAY, peer="10.9.1.1")

    def told(group: str) -> str:
        return repr(data(scoped, "by=client,server,domain,client_zone", **{"Remote-User": "ann", "Remote-Groups": group}))

    assert MARK in told("all") and "pay" in told(scope) and MARK not in told(scope)


def test_the_month_is_the_default_and_sums_in_a_filter_are_refused(client: TestClient) -> None:
    meta = client.get("/api/v1/cost").json()["meta"]
    assert meta["from"].endswith("-01T00:00:00Z") or meta["warnings"]
    refused = client.get(f"{ASKED}&q=bytes%3E1").json()
    assert refused["status"] == 400 and refused["parameter"] == "q"
