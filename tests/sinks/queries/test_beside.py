"""Statements that are asked at the same time: each answer comes in its place, and none is lost with its error."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from schemas.errors import WeirError
from sinks.queries.beside import ask_beside


def answered(sql: str) -> pa.Table:
    return pa.table({"sql": [sql]})


def test_answers_come_in_the_order_of_their_statements() -> None:
    answers = ask_beside(answered, ("one", "two", "three"))
    assert [answer.column("sql").to_pylist() for answer in answers] == [["one"], ["two"], ["three"]]


def test_the_first_is_asked_beside_the_others() -> None:
    both = threading.Barrier(2, timeout=10)

    def ask(sql: str) -> pa.Table:
        if sql != "three":
            both.wait()  # broken where one waits for the other's answer
        return answered(sql)

    assert len(ask_beside(ask, ("one", "two", "three"))) == 3


@pytest.mark.parametrize("wrong", ["one", "two"])
def test_an_error_of_any_is_raised(wrong: str) -> None:
    def ask(sql: str) -> pa.Table:
        if sql == wrong:
            raise WeirError(f"{wrong} is wrong")
        return answered(sql)

    with pytest.raises(WeirError, match=f"{wrong} is wrong"):
        ask_beside(ask, ("one", "two"))
