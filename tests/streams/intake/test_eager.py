"""Coroutines that are begun outside of a task end as any other does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.intake.eager import Begun, Done, begin


class Waiting:
    """A coroutine that waits for `event` so often, and what has become of it."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.log: list[str] = []

    async def run(self, times: int) -> str:
        try:
            for turn in range(times):
                await self.event.wait()
                self.event.clear()
                self.log.append(f"turn {turn}")
                await asyncio.sleep(0)
        except BaseException as error:
            self.log.append(type(error).__name__)
            raise
        return "end"


def test_what_need_not_wait_is_done_at_once() -> None:
    async def main() -> None:
        assert begin(Waiting().run(0)) == Done("end")

    asyncio.run(main())


def test_what_waits_goes_on_in_a_task() -> None:
    async def main() -> None:
        waiting = Waiting()
        begun = begin(waiting.run(2))
        assert isinstance(begun, Begun)
        task = asyncio.ensure_future(begun)
        for _ in range(2):
            waiting.event.set()
            await asyncio.sleep(0.01)
        assert (await task, waiting.log) == ("end", ["turn 0", "turn 1"])

    asyncio.run(main())


def test_a_task_that_is_cancelled_cancels_it() -> None:
    async def main() -> None:
        waiting = Waiting()
        begun: Any = begin(waiting.run(1))
        task = asyncio.ensure_future(begun)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert waiting.log == ["CancelledError"]

    asyncio.run(main())


def test_what_it_raises_is_raised_before_and_after_a_wait() -> None:
    async def fail(event: asyncio.Event | None) -> None:
        if event is not None:
            await event.wait()
        raise ValueError("no")

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            begin(fail(None))
        event = asyncio.Event()
        begun: Any = begin(fail(event))
        event.set()
        with pytest.raises(ValueError, match="no"):
            await begun

    asyncio.run(main())


def test_an_error_of_what_it_waits_for_reaches_it() -> None:
    async def main() -> None:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def caught() -> str:
            try:
                await awaited
            except ValueError as error:
                return str(error)
            return "nothing"

        begun: Any = begin(caught())
        awaited.set_exception(ValueError("from afar"))
        assert await begun == "from afar"

    asyncio.run(main())
