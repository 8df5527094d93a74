"""Flows as they come, over real tables: what was, then what comes, once each; to all who follow by one look."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sinks.filter.parse import parse
from tests.support.processes import PATIENCE
from tests.weir.api.shop import EDGES, MARK, Watched, write
from weir.api import live, tables
from weir.api.live import Live
from weir.api.parameters import LiveParameters
from weir.api.problems import Problem
from weir.api.single_flight import Flights
from weir.api.tables import Tables

PAY = parse("workload=pay-*")
_WINDOWS = itertools.count(1)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(tables, "FRESH_SECONDS", 0.0)
    yield


@pytest.fixture
def fresh(engine: Watched, fast: None) -> Tables:
    return Tables(engine)


def asked(**parameters: Any) -> LiveParameters:
    return LiveParameters.model_validate({"from": "now-1h", **parameters})


async def event(stream: AsyncIterator[bytes], kind: str) -> tuple[dict[str, Any], str]:
    """The next of that kind, and its id."""

    async def wait() -> tuple[dict[str, Any], str]:
        async for content in stream:
            lines = dict(line.split(": ", 1) for line in content.decode().splitlines() if ": " in line)
            if lines.get("event") == kind:
                return json.loads(lines["data"]), lines["id"]
        raise AssertionError(f"the stream ended before {kind}")

    return await asyncio.wait_for(wait(), 20 * PATIENCE)


def come(engine: Watched) -> int:
    """A new window of the shop; how many flows it has."""
    write(engine, int(time.time()) // 10 * 10 + 10 * next(_WINDOWS), 1)
    return len(EDGES)


def test_what_was_comes_first_then_what_comes_and_nothing_twice(engine: Watched, fresh: Tables) -> None:
    async def run() -> None:
        followed = Live(fresh, Flights())
        stream = await followed.open(asked(limit=1_000), None, "")
        was, place = await event(stream, "flow")
        assert len(was["key"]) == len(set(was["key"])) > 10 and was["window_start"] == sorted(was["window_start"], reverse=True)
        pulse, _ = await event(stream, "pulse")
        assert pulse["nodes"] == {"known": 3, "reporting": 2} and pulse["silent"] == [f"{MARK}-n3"] and 0 < pulse["unnamed"] < 1
        count = await asyncio.to_thread(come, engine)
        keys: set[str] = set()
        while len(keys) < count:
            fresh_rows, place = await event(stream, "flow")
            assert keys.isdisjoint(fresh_rows["key"]) and set(was["key"]).isdisjoint(fresh_rows["key"])
            keys.update(fresh_rows["key"])
        resumed = await followed.open(asked(limit=1_000), None, place)
        again, _ = await event(resumed, "flow")
        assert keys <= set(again["key"])
        followed.close()
        assert [content async for content in stream if b"event: flow" in content] == []

    asyncio.run(run())


def test_a_scope_and_a_filter_hold_for_what_comes(engine: Watched, fresh: Tables) -> None:
    async def run() -> None:
        followed = Live(fresh, Flights())
        stream = await followed.open(asked(q="port=5432"), PAY, "")
        was, _ = await event(stream, "flow")
        pulse, _ = await event(stream, "pulse")
        assert pulse["silent"] is None
        await asyncio.to_thread(come, engine)
        rows, _ = await event(stream, "flow")
        for found in (was, rows):
            assert set(found["remote_workload"]) == {"pay-db"} and MARK not in repr(found)
        followed.close()

    asyncio.run(run())


def test_all_who_follow_the_same_cost_one_look_and_nobody_costs_none(engine: Watched, fresh: Tables) -> None:
    async def run() -> None:
        followed = Live(fresh, Flights())
        streams = [await followed.open(asked(), None, "") for _ in range(20)]
        for stream in streams:
            await event(stream, "pulse")
        before = len(engine.asked)
        await asyncio.to_thread(come, engine)
        for stream in streams:
            await event(stream, "flow")
        looks = [sql for sql in engine.asked[before:] if "FROM weir.flows " in sql and "written_at >=" in sql]
        assert len(looks) == len(set(looks)) <= 2
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        await followed.ended()
        assert followed.following == 0

    asyncio.run(run())


def test_an_engine_that_is_away_is_said_once_and_what_came_meanwhile_is_told(engine: Watched, fresh: Tables) -> None:
    async def run() -> None:
        stream = await Live(fresh, Flights()).open(asked(), None, "")
        await event(stream, "pulse")
        engine.is_away = True
        try:
            problem, _ = await event(stream, "problem")
            assert problem["status"] == 503
            await asyncio.to_thread(come, engine)
        finally:
            engine.is_away = False
        rows, _ = await event(stream, "flow")
        assert rows["key"]
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_reader_who_does_not_read_is_cut_off_and_the_others_go_on() -> None:
    slow, quick = live._Reader(), live._Reader()
    for number in range(live.BACKLOG + 5):
        for reader in (slow, quick):
            reader.tell(("pulse", str(number), {}))
        assert quick.events.get_nowait() is not None
    assert slow.events.get_nowait() is None and slow.events.empty()


def test_a_wrong_filter_and_too_many_streams_are_refused(fresh: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        followed = Live(fresh, Flights())
        with pytest.raises(Exception, match="client"):
            await followed.open(asked(q="client="), None, "")
        monkeypatch.setattr(live, "FOLLOWERS", 0)
        with pytest.raises(Problem, match="streams are open"):
            await followed.open(asked(), None, "")

    asyncio.run(run())
