"""Errors as problem documents."""

from __future__ import annotations

import json

import pytest

from schemas.errors import Unavailable, WeirError
from sinks.engines.errors import TooLarge, TooLong
from sinks.filter.tree import FilterError
from weir.api.problems import Problem, bad_parameter, problem_of, response


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (TooLong("It took over 10 s: ask for less."), 503, "It takes too long"),
        (TooLarge("It reads too much: ask for less."), 422, "It is too much"),
        (Unavailable("The server is away: wait."), 503, "The tables do not answer"),
        (WeirError("A table is missing: run weir migrate."), 422, "It cannot be answered"),
        (FilterError("It is no field: leave it out.", 1, 2), 400, "A parameter is wrong"),
        (bad_parameter("by", "It is none: leave it out."), 400, "A parameter is wrong"),
        (Problem(429, "Too many ask at a time", "Ask again."), 429, "Too many ask at a time"),
        (KeyError("secret"), 500, "An error of weir"),
    ],
)
def test_every_error_has_its_status_and_its_own_sentence(error: Exception, status: int, title: str) -> None:
    answer = response(problem_of(error))
    told = json.loads(bytes(answer.body))
    assert (answer.status_code, told["status"], told["title"]) == (status, status, title)
    assert told["detail"] == (str(error) if status != 500 else told["detail"]) and "secret" not in told["detail"]
    assert ("retry-after" in answer.headers) is (status in (429, 503))
    assert answer.headers["content-type"] == "application/problem+json" and answer.headers["cache-control"] == "no-store"


def test_a_filters_error_says_where_and_a_stranger_how_to_become_known() -> None:
    told = json.loads(bytes(response(problem_of(FilterError("It is none.", 3, 7, ("a field",)))).body))
    assert (told["parameter"], told["start"], told["end"], told["expected"]) == ("q", 3, 7, ["a field"])
    assert response(Problem(401, "It is not known who asks", "Send a token.")).headers["www-authenticate"].startswith("Bearer")
