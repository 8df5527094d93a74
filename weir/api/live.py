"""Raw flows as server-sent events: what was, then what comes. One look into the tables serves all who follow the same.

A block of rows becomes visible some time after its `written_at`, so each look reaches back over what was told, and tells what is new by
its key. Nothing is asked while nobody follows, nor while nothing has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from schemas.errors import WeirError
from sinks.engines.result import readable
from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from sinks.queries.edges import Sums, ask_sums
from sinks.queries.newest import ask_newest
from sinks.queries.spans import Span
from sinks.queries.status import Lost
from weir.api.formats import json_columns
from weir.api.parameters import LiveParameters
from weir.api.problems import Problem, problem_of
from weir.api.questions import instant, lost_columns
from weir.api.single_flight import Flights
from weir.api.tables import Tables
from weir.query_options import read_instant

LOOK_SECONDS = 1.0
ALIVE_SECONDS = 15.0
REACH_SECONDS = 15
"""How long a block may take from its `written_at` until it is seen."""
RECENT_SECONDS = 180
"""Windows that began longer ago than this before the newest are no news."""
FOLLOWERS = 200
BACKLOG = 30
"""Events that wait for a reader at most: one who is slower is cut off, and resumes."""

Event = tuple[str, str, Mapping[str, Any]]
"""Kind, id, what is told."""


@dataclass(eq=False)
class _Reader:
    """`events` ends with None."""

    events: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG + 1))
    is_ended: bool = False

    def tell(self, event: Event | None) -> None:
        if self.is_ended:
            return
        if event is None or self.events.qsize() >= BACKLOG:
            while not self.events.empty():
                self.events.get_nowait()
            event, self.is_ended = None, True
        self.events.put_nowait(event)


class Live:
    """Of one event loop."""

    def __init__(self, tables: Tables, flights: Flights) -> None:
        self._tables, self._flights = tables, flights
        self._followed: dict[Hashable, _Followed] = {}

    async def open(self, asked: LiveParameters, scope: Node | None, last_id: str) -> AsyncIterator[bytes]:
        """The stream, its first events ready. `last_id`: up to where a reader who was cut off had come. Raises WeirError."""
        parse(asked.q)
        if sum(len(one.readers) for one in self._followed.values()) >= FOLLOWERS:
            raise Problem(429, "Too many follow", f"{FOLLOWERS} streams are open: close some, or ask /flows instead.")
        since_s = int(last_id) if last_id.isascii() and last_id.isdigit() and len(last_id) <= 10 else None
        key = (asked.q, asked.view, asked.limit, scope)
        history = await self._flights.join(("live", asked, scope, since_s), lambda: _history(self._tables, asked, scope, since_s))
        reader = _Reader()
        followed = self._followed.get(key)
        if followed is None:
            followed = self._followed[key] = _Followed(_Looker(self._tables, asked, scope, history))
            followed.task = asyncio.get_running_loop().create_task(self._follow(key, followed))
        followed.readers.add(reader)
        return self._events(followed, reader, history)

    @property
    def following(self) -> int:
        """How many different questions are followed."""
        return len(self._followed)

    async def ended(self) -> None:
        """Returns when nothing is followed that nobody reads."""
        await asyncio.gather(*(one.task for one in self._followed.values() if one.task and not one.readers))

    def close(self) -> None:
        """Ends all streams."""
        for followed in self._followed.values():
            for reader in followed.readers:
                reader.tell(None)

    async def _follow(self, key: Hashable, followed: _Followed) -> None:
        try:
            while followed.readers:
                await asyncio.sleep(LOOK_SECONDS)
                for event in await self._look(key, followed):
                    for reader in followed.readers:
                        reader.tell(event)
        finally:
            del self._followed[key]
            for reader in followed.readers:
                reader.tell(None)

    async def _look(self, key: Hashable, followed: _Followed) -> list[Event]:
        try:
            return await self._flights.join(("look", key), followed.looker.look)
        except WeirError as error:
            return followed.looker.trouble(error)

    async def _events(self, followed: _Followed, reader: _Reader, history: _Told) -> AsyncIterator[bytes]:
        try:
            for event in history.events:
                yield _written(event)
            while True:
                try:
                    event_or_end = await asyncio.wait_for(reader.events.get(), ALIVE_SECONDS)
                except TimeoutError:
                    yield b": still there\n\n"
                    continue
                if event_or_end is None:
                    return
                fresh = _without(event_or_end, history.keys)
                if fresh is not None:
                    yield _written(fresh)
        finally:
            followed.readers.discard(reader)


@dataclass(eq=False)
class _Followed:
    looker: _Looker
    readers: set[_Reader] = field(default_factory=set)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class _Told:
    """`keys`: of the rows in the events. `written_s`: when the last of them was written; 0: none."""

    events: list[Event]
    keys: frozenset[str]
    written_s: int
    state: str


class _Looker:
    """Looks for one question; in one thread at a time."""

    def __init__(self, tables: Tables, asked: LiveParameters, scope: Node | None, history: _Told) -> None:
        self._tables, self._asked, self._scope = tables, asked, scope
        self._written_s, self._state = history.written_s, history.state
        self._seen = dict.fromkeys(history.keys, history.written_s)
        self._troubled = False

    def look(self) -> list[Event]:
        state = self._tables.generation().state
        if state == self._state and not self._troubled:
            return []
        newest_s = self._tables.completeness().newest_s
        span = Span(max(0, newest_s - RECENT_SECONDS), newest_s + RECENT_SECONDS)
        since_s = max(0, self._written_s - REACH_SECONDS)
        found = _rows(self._tables, self._asked, self._scope, span, since_s)
        keys, written = (found.column(name).to_pylist() for name in ("key", "written_s"))
        fresh = found.filter(pa.array([key not in self._seen for key in keys], pa.bool_()))
        self._written_s = max([self._written_s, *written])
        recent_s = self._written_s - 2 * REACH_SECONDS
        self._seen = {key: at for key, at in {**self._seen, **dict(zip(keys, written, strict=True))}.items() if at >= recent_s}
        self._state, self._troubled = state, False
        events = [_flow(fresh, self._written_s)] if fresh.num_rows else []
        return [*events, _pulse(self._tables, self._scope, self._written_s)]

    def trouble(self, error: WeirError) -> list[Event]:
        """Said once; the look that succeeds after it tells all that has come meanwhile."""
        said, self._troubled = not self._troubled, True
        problem = problem_of(error)
        told = {"title": problem.title, "status": problem.status, "detail": str(problem)}
        return [("problem", str(self._written_s), told)] if said else []


def _history(tables: Tables, asked: LiveParameters, scope: Node | None, since_s: int | None) -> _Told:
    state = tables.generation().state
    now_s = tables.now_s()
    start_s = read_instant("from", asked.from_, now_s)
    newest_s = max(now_s, tables.completeness().newest_s)
    span = Span(min(start_s, newest_s), newest_s + RECENT_SECONDS)
    found = _rows(tables, asked, scope, span, None if since_s is None else max(0, since_s - REACH_SECONDS))
    written_s = max(found.column("written_s").to_pylist(), default=since_s or 0)
    events = [_flow(found, written_s), _pulse(tables, scope, written_s)]
    return _Told(events, frozenset(found.column("key").to_pylist()), written_s, state)


def _rows(tables: Tables, asked: LiveParameters, scope: Node | None, span: Span, since_s: int | None) -> pa.Table:
    return readable(ask_newest(tables.asker(span), span, both(parse(asked.q), scope), asked.view, asked.limit, since_s))


def _flow(rows: pa.Table, written_s: int) -> Event:
    return "flow", str(written_s), json_columns(rows.drop_columns(["written_s"]))


def _pulse(tables: Tables, scope: Node | None, written_s: int) -> Event:
    complete = tables.completeness()
    hour = Span(max(0, complete.newest_s - 3_600), complete.newest_s)
    lost = tables.lost(hour) if complete.newest_s else Lost(0, 0, 0)
    told = {
        "complete_until": instant(complete.until_s) if complete.until_s else None,
        "generation": tables.generation().state,
        "nodes": {"known": len(complete.nodes), "reporting": len(complete.nodes) - len(complete.silent)},
        "silent": [node.name for node in complete.silent] if scope is None else None,
        "lost": lost_columns(lost),
        "unnamed": _unnamed(tables, scope, complete.newest_s),
    }
    return "pulse", str(written_s), told


def _unnamed(tables: Tables, scope: Node | None, newest_s: int) -> float | None:
    """Share of the last five minutes' bytes of which an end has no name."""
    end_s = newest_s // 60 * 60
    if end_s < 300:
        return None
    span = Span(end_s - 300, end_s)
    answer = ask_sums(tables.asker(span), Sums(span, (), ("bytes",), scope, "bytes", 1), tables.oldest())
    total = answer.total.column("bytes")[0].as_py()
    return answer.unnamed_bytes / total if total else None


def _without(event: Event, keys: frozenset[str]) -> Event | None:
    """The event without rows that the reader has had; None where nothing is left."""
    kind, place, told = event
    if kind != "flow" or keys.isdisjoint(told["key"]):
        return event
    left = [at for at, key in enumerate(told["key"]) if key not in keys]
    return (kind, place, {name: [values[at] for at in left] for name, values in told.items()}) if left else None


def _written(event: Event) -> bytes:
    kind, place, told = event
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), place.encode(), orjson.dumps(told, default=str))
