"""Trying again: until it succeeds, until the one who waits ends, and for no other error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from schemas.errors import Unavailable
from streams.retry import AsyncRetry, Stopped, pause_seconds, retried


def failing(times: int, error: Exception) -> Callable[[], str]:
    """Raises so many times, and answers then."""
    left: Iterator[Exception | None] = iter([error] * times)

    def call() -> str:
        if raised := next(left, None):
            raise raised
        return "answer"

    return call


def test_the_pauses_grow_and_stay_below_a_limit() -> None:
    pauses = [pause_seconds(tries) for tries in range(50)]
    assert pauses == sorted(pauses) and pauses[0] < 0.5 and pauses[-1] == max(pauses) <= 5


def test_a_server_that_comes_back_is_waited_for() -> None:
    waited: list[float] = []
    assert retried("it", failing(3, Unavailable("away")), lambda seconds: bool(waited.append(seconds))) == "answer"
    assert waited == [pause_seconds(tries) for tries in range(3)]


def test_who_gives_up_gets_the_servers_last_words() -> None:
    with pytest.raises(Stopped, match="^away$") as raised:
        retried("it", failing(1, Unavailable("away")), lambda _: True)
    assert isinstance(raised.value, Unavailable)


def test_no_other_error_is_tried_again() -> None:
    with pytest.raises(ValueError, match="mine"):
        retried("it", failing(1, ValueError("mine")), lambda _: False)
    assert retried("it", failing(1, ValueError("mine")), lambda _: False, (ValueError,)) == "answer"


def on_a_loop(call: Callable[[], str], *, stopping: bool = False, given_up: bool = False) -> tuple[str, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []

    async def run() -> str:
        stop = asyncio.Event()
        if stopping:
            stop.set()
        retry = AsyncRetry(stop, lambda part, why: told.append((part, why)))

        async def answer() -> str:
            return call()

        return await retry("it", answer, lambda: given_up)

    return asyncio.run(run()), told


def test_the_same_on_an_event_loop() -> None:
    assert on_a_loop(failing(1, Unavailable("away"))) == ("answer", [("it", "away")])
    assert on_a_loop(failing(0, Unavailable("away")), stopping=True, given_up=True) == ("answer", [])


@pytest.mark.parametrize("ends", [{"stopping": True}, {"given_up": True}])
def test_a_worker_that_stops_and_a_queue_that_is_closed_wait_no_longer(ends: dict[str, bool]) -> None:
    with pytest.raises(Stopped, match="^away$"):
        on_a_loop(failing(1, Unavailable("away")), **ends)
