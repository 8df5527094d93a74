"""Questions under way: who asks what is being asked gets the same answer, and no more wait than a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from weir.api.problems import Problem

ASKING = 4
"""Questions that are asked at a time."""
WAITING = 60
"""Others that may wait for their turn; of the same question one."""

T = TypeVar("T")


class Flights:
    """Of one event loop."""

    def __init__(self, asking: int = ASKING, waiting: int = WAITING) -> None:
        self._limiter = CapacityLimiter(asking)
        self._most = asking + waiting
        self._flying: dict[Hashable, asyncio.Task[object]] = {}

    async def join(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` returns or raises, in a thread. A caller who goes away ends it for nobody. Raises Problem where too many wait."""
        task = self._flying.get(key)
        if task is None:
            if len(self._flying) >= self._most:
                said = f"{len(self._flying)} questions are being asked or wait: ask again in a moment, or ask for less."
                raise Problem(429, "Too many ask at a time", said)
            task = asyncio.get_running_loop().create_task(self._run(work))
            self._flying[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        found: object = await asyncio.shield(task)
        return cast(T, found)

    async def _run(self, work: Callable[[], object]) -> object:
        return await run_sync(work, limiter=self._limiter)

    def _land(self, key: Hashable, task: asyncio.Task[object]) -> None:
        del self._flying[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone: the error has been told all the same
