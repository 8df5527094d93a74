"""A message as it came from Kafka: read once, or found unreadable with a reason."""

from __future__ import annotations

from collections.abc import Mapping

from faust.types import EventT

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from schemas.wire.codec import decode_batch
from schemas.wire.framing import Framed, Framer
from streams.clock import now_us
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.observe.cpu_stages import stage


class MessageDecoder:
    """`future_us`: how far ahead of this clock a window may start before the message is refused."""

    def __init__(self, framer: Framer, future_us: int) -> None:
        self._framer = framer
        self._future_us = future_us

    def read(self, event: EventT[bytes]) -> ReceivedMessage:
        """Never raises for the message's own sake. Raises Unavailable where a schema registry does not answer."""
        message = event.message
        value = message.value or b""
        arrived_us = min(int(message.timestamp * 1_000_000), now_us())
        return ReceivedMessage(message.offset, arrived_us, len(value), self._content(event, value))

    def _content(self, event: EventT[bytes], value: bytes) -> FlowBatch | UnreadableMessage:
        try:
            with stage("decode"):
                return self.batch(self._framer.unframe(value))
        except Unreadable as error:
            headers = event.message.headers or {}
            pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
            return UnreadableMessage(error, event.message.key or b"", value, pairs)

    def batch(self, framed: Framed) -> FlowBatch:
        """The batch of a message. Raises Unreadable where it is none, or not to be believed."""
        if framed.name != "FlowBatch":
            raise Unreadable(f"A message of flows holds a {framed.name}, not a FlowBatch.")
        batch = decode_batch(framed.body, framed.writer)
        self._check_window(batch)
        return batch

    def _check_window(self, batch: FlowBatch) -> None:
        ahead_us = batch.window_start_us - now_us()
        if ahead_us > self._future_us:
            raise Unreadable(
                f"Node {batch.node_id} sent a window that starts {ahead_us // 1_000_000} s in the future, more than the "
                f"{self._future_us // 1_000_000} s allowed (WEIR_FUTURE_SECONDS); set its clock."
            )
