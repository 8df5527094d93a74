"""Raw flows as server-sent events: what was, then what comes. One look into the tables serves all who follow the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from starlette.responses import StreamingResponse

LOOK_SECONDS = 1.0
ALIVE_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The last one: a proxy that would wait for the end of the answer does not."""

Look = Callable[[str], Awaitable[tuple[str, list[tuple[str, object]]]]]
"""From where the last look ended ('' at first) to where this one ends, and its events: kind and what is told."""


def stream(look: Look, last_id: str) -> StreamingResponse:
    """`last_id`: where a reader who was cut off had come to."""
    return StreamingResponse(_events(look, last_id), media_type="text/event-stream", headers=HEADERS)


async def _events(look: Look, place: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    spoken = loop.time()
    while True:
        place, found = await look(place)
        for kind, told in found:
            yield b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), place.encode(), orjson.dumps(told, default=str))
            spoken = loop.time()
        if loop.time() - spoken > ALIVE_SECONDS:
            yield b": still there\n\n"
            spoken = loop.time()
        await asyncio.sleep(LOOK_SECONDS)
