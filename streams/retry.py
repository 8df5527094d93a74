"""Trying again while a server is away: one schedule of pauses and of log lines for every part of a worker.

A server that is away is waited for as long as it takes: the lag tells, and nothing is given up. What ends the waiting is the end of
the one who waits, as `Stopped`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from schemas.errors import Unavailable
from streams.observe import metrics

logger = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


class Stopped(Unavailable):
    """The waiting ended before the server answered."""


def pause_seconds(tries: int) -> float:
    """Seconds to wait after so many failed tries, the first counted as 0."""
    return _PAUSES_SECONDS[min(tries, len(_PAUSES_SECONDS) - 1)]


def retried(part: str, call: Callable[[], T], wait: Callable[[float], bool], errors: tuple[type[Exception], ...] = (Unavailable,)) -> T:
    """What `call` returns, once it raises none of `errors` any more.

    `wait` pauses for so many seconds and returns whether to give up: `threading.Event.wait` does. Raises Stopped then.
    """
    tries = 0
    while True:
        try:
            return call()
        except errors as error:
            _note(part, tries, error)
            if wait(pause_seconds(tries)):
                raise Stopped(str(error)) from error
            tries += 1


@dataclass(frozen=True)
class AsyncRetry:
    """The same on an event loop. `stopping` ends every wait; `on_failure` is told the part and why it does not answer."""

    stopping: asyncio.Event
    on_failure: Callable[[str, str], None]

    async def __call__(self, part: str, call: Callable[[], Awaitable[T]], given_up: Callable[[], bool] = lambda: False) -> T:
        """What `call` returns, once it raises Unavailable no more. Raises Stopped where `given_up` holds after a failure."""
        tries = 0
        while True:
            try:
                return await call()
            except Stopped:
                raise
            except Unavailable as error:
                if given_up() or self.stopping.is_set():
                    raise Stopped(str(error)) from error
                _note(part, tries, error)
                self.on_failure(part, str(error))
                await self.pause(pause_seconds(tries))
                tries += 1

    async def pause(self, seconds: float) -> None:
        """Returns earlier where the worker stops."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


def _note(part: str, tries: int, error: Exception) -> None:
    metrics.RETRIES.labels(part).inc()
    if tries in (0, 10, 100) or tries % 1000 == 0:
        logger.warning("waiting for %s: %s", part, error)
