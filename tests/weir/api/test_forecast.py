"""`/forecast` over a shop that has just opened: what it is made of, and what it refuses."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from weir.api.answers.forecast import ForecastData


def test_a_young_shop_has_history_alone(client: TestClient) -> None:
    asked = client.get("/api/v1/forecast", params={"from": "now-2h", "limit": "2", "limit_value": "1TB", "quantity": "day"})
    assert asked.status_code == 200
    data, meta = asked.json()["data"], asked.json()["meta"]
    ForecastData.model_validate(data)
    assert meta["step"] == 3_600
    assert set(data["series"]["kind"]) <= {"history"}
    assert all(sentence for sentence in data["groups"]["refused"])
    assert data["groups"]["days50"] == [None] * len(data["groups"]["days50"])


@pytest.mark.parametrize(("name", "value"), [("metric", "rtt"), ("horizon", "never"), ("limit_value", "1TB"), ("by", "workload")])
def test_what_cannot_be_asked_is_a_bad_request(client: TestClient, name: str, value: str) -> None:
    assert client.get("/api/v1/forecast", params={name: value}).status_code == 400
