"""The Faust agent: takes messages, decodes each once, and queues it; it stops taking while the queues are full.

Nothing is acknowledged here; offsets are committed with the blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from faust.types import EventT, StreamT

from streams.intake.app import WorkerApp
from streams.intake.assignment import Assignment
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.intake.messages import UnreadableMessage
from streams.observe import metrics
from streams.retry import AsyncRetry, Stopped


class Receiver:
    """Runs on the event loop from the app's start on. `make_room` is called whenever messages left the queues."""

    def __init__(
        self,
        app: WorkerApp,
        topics: Collection[str],
        assignment: Assignment,
        decoder: MessageDecoder,
        limit: DeadLetterLimit,
        retry: AsyncRetry,
    ) -> None:
        self._assignment = assignment
        self._decoder = decoder
        self._limit = limit
        self._retry = retry
        self._room = asyncio.Event()
        app.agent(app.topic(*topics, key_type=bytes, value_type=bytes), name="weir.apply")(self._take_forever)

    def make_room(self) -> None:
        """Measure the queues, and take on where they have room; a worker that stops lets whoever waits for room go."""
        self._assignment.measure()
        if self._assignment.has_room or self._retry.stopping.is_set():
            self._room.set()
        else:
            self._room.clear()

    async def _take_forever(self, stream: StreamT[bytes]) -> None:
        stream.enable_acks = False
        async for event in stream.events():
            await self._take(event)
            if not self._assignment.has_room:
                self.make_room()
                await self._room.wait()

    async def _take(self, event: EventT[bytes]) -> None:
        """Queue the message. One of an earlier assignment, still in a buffer, comes again and is dropped here."""
        queue = self._assignment.queue_of(event.message.tp)
        if queue is None or event.message.generation_id != queue.generation:
            return

        async def read() -> None:
            message = self._decoder.read(event)
            if queue.append(message):
                reason = message.content.reason if isinstance(message.content, UnreadableMessage) else None
                self._limit.note(f"{queue}:{message.offset}", message.arrived_us, reason)
                metrics.REFUSED_SHARE.set(self._limit.share)

        try:
            await self._retry("schema registry", read, lambda: queue.closed)
        except Stopped:
            queue.closed = True
