"""What a scheduler does in a pass over no queues."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.retry import AsyncRetry
from streams.scheduler import Scheduler


@pytest.mark.parametrize(("in_reserve", "followed"), [(True, [{}]), (False, [])], ids=["without partitions", "in a rebalance"])
def test_a_worker_without_partitions_follows_none(in_reserve: bool, followed: list[dict[int, int]]) -> None:
    """In a rebalance it goes on with those that it may keep."""

    async def run() -> list[dict[int, int]]:
        seen: list[dict[int, int]] = []
        stopping = asyncio.Event()
        learner: Any = SimpleNamespace(failed=None, follow=seen.append)
        assignment: Any = SimpleNamespace(in_reserve=in_reserve, queues=[])
        receiver: Any = SimpleNamespace(make_room=stopping.set)
        none: Any = None
        retry = AsyncRetry(stopping, lambda *_: None)
        await Scheduler(assignment, receiver, none, learner, None, none, none, none, retry, 1).run()
        return seen

    assert asyncio.run(run()) == followed
