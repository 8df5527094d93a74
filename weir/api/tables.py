"""The tables as the API asks them: through the cache, by a clock that stands still within a window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

import pyarrow as pa

from schemas.errors import WeirError
from sinks.engines.base import Engine
from sinks.queries.generation import Generation, ask_generation
from sinks.queries.spans import Oldest, Span
from sinks.queries.status import Completeness, Lost, ask_completeness, ask_lost, ask_oldest
from streams.insights.cost.prices import NO_PRICES, Prices
from streams.insights.segments.build import Ranges
from weir.api.cache import Answers

FRESH_SECONDS = 1.0
OLDEST_SECONDS = 600.0

T = TypeVar("T")


class Remembered:
    """A value that is asked for anew when it is too old, by one of those who want it while the others wait. So is an error."""

    def __init__(self, ask: Callable[[], T], seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = threading.Lock()
        self._until = 0.0
        self._value: object = None
        self._error: WeirError | None = None

    def get(self) -> object:
        with self._lock:
            if time.monotonic() >= self._until:
                self._error = None
                try:
                    self._value = self._ask()
                except WeirError as error:
                    self._error = error
                self._until = time.monotonic() + (FRESH_SECONDS if self._error else self._seconds)
            if self._error is not None:
                raise type(self._error)(*self._error.args)
            return self._value

    def forget(self) -> None:
        with self._lock:
            self._until = 0.0


class Tables:
    """Nothing is asked while nobody looks. `prices`: what transfer is reckoned with. `ranges`: WEIR_CIDRS, by name."""

    def __init__(self, engine: Engine, prices: Prices = NO_PRICES, ranges: Ranges = MappingProxyType({})) -> None:
        self._engine = engine
        self.prices = prices
        self.ranges = ranges
        self._answers = Answers()
        self._generation = Remembered(lambda: ask_generation(self.ask_now), FRESH_SECONDS)
        self._oldest = Remembered(lambda: ask_oldest(self.ask_now), OLDEST_SECONDS)

    def forget(self) -> None:
        """The next question asks which state the tables are in, however short ago that was."""
        self._generation.forget()
        self._oldest.forget()

    @property
    def name(self) -> str:
        return self._engine.name

    def ask_now(self, sql: str) -> pa.Table:
        return self._engine.ask(sql)

    def asker(self, span: Span) -> Callable[[str], pa.Table]:
        """Asks about a span: what was asked of the same state of its days is not asked again."""
        generation = self.generation().of(span)
        return lambda sql: self._answers.get((sql, generation), lambda: self.ask_now(sql))

    def seldom(self, sql: str) -> pa.Table:
        """For what hardly changes: asked again after OLDEST_SECONDS."""
        turn = f"{time.monotonic() // OLDEST_SECONDS}"
        return self._answers.get((sql, turn), lambda: self.ask_now(sql))

    def generation(self) -> Generation:
        found = self._generation.get()
        assert isinstance(found, Generation)  # noqa: S101 for the type checker
        return found

    def oldest(self) -> Oldest:
        found = self._oldest.get()
        assert isinstance(found, dict)  # noqa: S101 for the type checker
        if not found:  # the first rows are seen as soon as they come
            self._oldest.forget()
        return found

    def completeness(self) -> Completeness:
        state = self.generation().state
        return ask_completeness(lambda sql: self._answers.get((sql, state), lambda: self.ask_now(sql)))

    def lost(self, span: Span) -> Lost:
        return ask_lost(self.asker(span), span)

    def now_s(self) -> int:
        """The clock, back to the last whole window: all who look within a window ask the same."""
        window_s = max(1, self.completeness().window_s)
        return int(time.time()) // window_s * window_s
