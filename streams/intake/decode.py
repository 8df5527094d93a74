"""A message as it came from Kafka: decoded once for its two readers, or found unreadable with a reason."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Message
from faust.types import EventT

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import decode_batch
from schemas.wire.framing import Framed, Framer
from schemas.wire.repeats import Repeats
from streams.clock import now_us
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.intake.shared_batches import Reader, SharedBatches
from streams.observe import metrics
from streams.observe.cpu_stages import stage


class MessageDecoder:
    """`future_us`: how far ahead of this clock a window may start before the message is refused. `shared`: see SharedBatches."""

    def __init__(self, framer: Framer, future_us: int) -> None:
        self.shared = SharedBatches()
        self._repeats = Repeats()
        self._framer = framer
        self._future_us = future_us

    def read(self, event: EventT[bytes]) -> ReceivedMessage:
        """For the applier. Never raises for the message's own sake. Raises Unavailable where a schema registry does not answer."""
        message = event.message
        value = message.value or b""
        arrived_us = min(int(message.timestamp * 1_000_000), now_us())
        return ReceivedMessage(message.offset, arrived_us, len(value), self._content(event, value))

    def read_ahead(self, message: Message, framed: Framed) -> FlowBatch:
        """For the learner's thread: the batch of a message. Raises Unreadable where it is none, or not to be believed."""
        place = message.topic() or "", message.partition() or 0, message.offset() or 0
        return self._batch("learner", place, message.value() or b"", framed)

    def measure(self) -> None:
        """Sets the gauges of what is kept."""
        self.shared.measure()
        metrics.fill("repeats", *self._repeats.fill)

    def _content(self, event: EventT[bytes], value: bytes) -> FlowBatch | UnreadableMessage:
        message = event.message
        try:
            with stage("decode"):
                return self._batch("applier", (message.topic, message.partition, message.offset), value, self._framer.unframe(value))
        except Unreadable as error:
            headers = message.headers or {}
            pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
            return UnreadableMessage(error, message.key or b"", value, pairs)

    def _batch(self, reader: Reader, place: tuple[str, int, int], value: bytes, framed: Framed) -> FlowBatch:
        topic, partition, offset = place
        if topic == FLOWS_TOPIC:
            batch = self.shared.batch(reader, partition, offset, value, lambda: self._decoded(framed))
        else:  # of other regions: nothing is learned from it
            batch = self._decoded(framed)
        self._check_window(batch)
        return batch

    def _check_window(self, batch: FlowBatch) -> None:
        ahead_us = batch.window_start_us - now_us()
        if ahead_us > self._future_us:
            raise Unreadable(
                f"Node {batch.node_id} sent a window that starts {ahead_us // 1_000_000} s in the future, more than the "
                f"{self._future_us // 1_000_000} s allowed (WEIR_FUTURE_SECONDS); set its clock."
            )

    def _decoded(self, framed: Framed) -> FlowBatch:
        if framed.name != "FlowBatch":
            raise Unreadable(f"A message of flows holds a {framed.name}, not a FlowBatch.")
        batch = decode_batch(framed.body, framed.writer, self._repeats)
        metrics.DECODED.inc()
        return batch
