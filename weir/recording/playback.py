"""When each line of a recording is played: in which pass, and at what instant."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count

import orjson

from schemas.records.flow_batch import FlowBatch
from schemas.records.ip_event import IpEvent

Item = FlowBatch | IpEvent
LOOK_AHEAD = 256
"""Items that wait to be put in order of time: a recording's windows may overtake each other while they are gathered."""

_EARLY = ("heartbeat", "ip_event")


def only_early(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Heartbeats and address events; other lines are blanked, so that line numbers stay."""
    return (line if _is_early(line) else b"" for line in lines)


def only_late(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Everything that `only_early` blanks."""
    return (b"" if _is_early(line) else line for line in lines)


def _is_early(line: bytes) -> bool:
    # Most lines are flows: recognised by their bytes, never parsed twice.
    if b'heartbeat"' not in line and b'ip_event"' not in line:
        return False
    try:
        return orjson.loads(line)["kind"] in _EARLY
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


def due_us(item: Item) -> int:
    """When an agent would have said it: a window at its end, an event at its instant."""
    return item.at_us if isinstance(item, IpEvent) else item.window_end_us


def in_time_order(items: Iterable[Item], look_ahead: int = LOOK_AHEAD) -> Iterator[Item]:
    """The items by `due_us`, as far as a bounded look ahead can order them; equal ones keep their order."""
    heap: list[tuple[int, int, Item]] = []
    order = count()
    for item in items:
        heapq.heappush(heap, (due_us(item), next(order), item))
        if len(heap) > look_ahead:
            yield heapq.heappop(heap)[2]
    while heap:
        yield heapq.heappop(heap)[2]


def paced(items: Iterable[Item], speed: float, stop: threading.Event, now: Callable[[], float] = time.monotonic) -> Iterator[Item]:
    """Each item at its time, `speed` times as fast as recorded; the first one at once. Ends when `stop` is set."""
    first_us: int | None = None
    started = now()
    for item in in_time_order(items):
        first_us = due_us(item) if first_us is None else first_us
        wait = started + (due_us(item) - first_us) / 1e6 / speed - now()
        if stop.wait(wait) if wait > 0 else stop.is_set():
            return
        yield item
