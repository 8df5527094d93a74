"""A window's batches as records for the spool: encoded, framed, and counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from producers.spool.segment import Record
from schemas.errors import Unavailable
from schemas.records.flow_batch import FlowBatch, saturated_total
from schemas.wire.codec import encode_batch
from schemas.wire.framing import Framer

log = logging.getLogger("weir.agent")


class BatchEncoder:
    def __init__(self, framer: Framer) -> None:
        self._framer = framer
        self._plain = framer.without_registry()
        self._schema = framer.writes("FlowBatch")

    def pack(self, batches: Iterable[FlowBatch]) -> tuple[Record, ...]:
        return tuple(self._record(batch) for batch in batches)

    def _record(self, batch: FlowBatch) -> Record:
        flows = batch.flows
        packets = saturated_total(flows.packets_sent, flows.packets_received)
        size = saturated_total(flows.bytes_sent, flows.bytes_received)
        return Record(batch.seq, len(flows), packets, size, self._framed(encode_batch(batch, self._schema)))

    def _framed(self, body: bytes) -> bytes:
        """Framed message. Falls back to single-object encoding while the registry is unavailable, so that a window is not delayed."""
        try:
            return self._framer.frame("FlowBatch", body)
        except Unavailable as error:
            log.warning("Framing without the schema registry for now: %s", error)
            return self._plain.frame("FlowBatch", body)
