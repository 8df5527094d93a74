"""Questions under way, and answers that are kept."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from schemas.errors import Unavailable
from weir.api.cache import Answers
from weir.api.problems import Problem
from weir.api.single_flight import Flights


def test_who_asks_what_is_being_asked_gets_the_same_answer() -> None:
    asked: list[int] = []
    go = threading.Event()

    def work() -> object:
        asked.append(1)
        assert go.wait(10)
        return object()

    async def run() -> None:
        flights = Flights()
        waiting = [asyncio.create_task(flights.join("key", work)) for _ in range(50)]
        await asyncio.sleep(0)
        go.set()
        assert len(set(await asyncio.gather(*waiting))) == 1 == len(asked)
        await flights.join("key", work)
        assert len(asked) == 2

    asyncio.run(run())


def test_who_goes_away_ends_the_question_for_nobody() -> None:
    go = threading.Event()

    async def run() -> None:
        flights = Flights()
        first, second = (asyncio.create_task(flights.join("key", lambda: go.wait(10))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert await second is True

    asyncio.run(run())


def test_of_too_many_different_questions_the_last_is_refused() -> None:
    go = threading.Event()

    async def run() -> None:
        flights = Flights(asking=1, waiting=2)
        waiting = [asyncio.create_task(flights.join(key, lambda: go.wait(10))) for key in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as caught:
            await flights.join("one more", lambda: None)
        assert caught.value.status == 429
        go.set()
        await asyncio.gather(*waiting)
        assert await flights.join("one more", lambda: 7) == 7

    asyncio.run(run())


def test_an_error_is_told_to_all_who_wait_and_is_not_kept() -> None:
    answers, entered, go = Answers(), threading.Event(), threading.Event()

    def fail() -> pa.Table:
        entered.set()
        assert go.wait(10)
        raise Unavailable("away")

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(answers.get, ("sql", "1"), fail)
        assert entered.wait(10)
        others = [pool.submit(answers.get, ("sql", "1"), fail) for _ in range(4)]
        go.set()
        for one in (first, *others):
            assert isinstance(one.exception(10), Unavailable)
    assert answers.get(("sql", "1"), lambda: pa.table({"a": [1]})).num_rows == 1


def test_answers_go_by_statement_and_generation_and_the_oldest_makes_room() -> None:
    answers = Answers(room_bytes=4_000)
    asked: list[int] = []

    def ask() -> pa.Table:
        asked.append(1)
        return pa.table({"a": pa.array(range(100), pa.int64())})

    for key in [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")]:
        answers.get(key, ask)
    assert len(asked) == 6
    answers.get(("e", "1"), ask)
    assert len(asked) == 6
    answers.get(("a", "1"), ask)
    assert len(asked) == 7
