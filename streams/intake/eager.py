"""Coroutines that mostly have nothing to wait for: begun where they are made, and a task's only where they have to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Done(NamedTuple):
    """What a coroutine has returned."""

    value: Any


class Begun(Generic[T]):
    """The rest of a coroutine that waits: to be awaited once, by any task of its loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    given = yield waits_for
                except Exception as error:  # noqa: BLE001 (raised where the coroutine waits)
                    waits_for = self._coroutine.throw(error)
                except asyncio.CancelledError as cancelled:
                    waits_for = self._coroutine.throw(cancelled)
                else:
                    waits_for = self._coroutine.send(given)
        except StopIteration as end:
            returned: T = end.value
            return returned
        finally:
            self._coroutine.close()


def begin(coroutine: Coroutine[Any, Any, T]) -> Done | Begun[T]:
    """Runs the coroutine up to where it waits for the first time, in the task at hand. Raises what it raises."""
    try:
        return Begun(coroutine, coroutine.send(None))
    except StopIteration as end:
        return Done(end.value)
