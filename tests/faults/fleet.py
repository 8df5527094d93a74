"""The agents' side of a run: batches to messages and into Kafka, by an older and a newer version of the schema."""

from __future__ import annotations

import json

from confluent_kafka import Producer

from schemas.records.flow_batch import FlowBatch
from schemas.topics import FLOWS_TOPIC
from schemas.wire.codec import encode_batch
from schemas.wire.framing import CONFLUENT, Framer
from schemas.wire.schema_files import current
from tests.support.schema_registry import SchemaRegistry

PRODUCER = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": 0, "compression.type": "zstd", "log_level": 2}
ZONE = "zone-1"


class Fleet:
    """Sends as this version does, without a registry. Nodes that are `upgraded` send as a later version would that has one more
    field, and names its schema by the registry's id.
    """

    def __init__(self, bootstrap: str, registry: SchemaRegistry | None) -> None:
        self.upgraded: set[str] = set()
        self._framer = Framer()
        self._later = CONFLUENT + registry.memory.register("weir.FlowBatch", _later_schema()).to_bytes(4, "big") if registry else b""
        self._producer = Producer({"bootstrap.servers": bootstrap, **PRODUCER})

    def send(self, batches: list[FlowBatch]) -> None:
        """Messages wait in the client where the broker is away."""
        for batch in batches:
            self._producer.produce(FLOWS_TOPIC, self._message(batch), batch.node_id.encode())
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0, "Kafka did not take what was sent"

    def _message(self, batch: FlowBatch) -> bytes:
        body = encode_batch(batch)
        if batch.node_id in self.upgraded:
            return self._later + body + bytes([2 * len(ZONE)]) + ZONE.encode()  # Avro: fields follow one another
        return self._framer.frame("FlowBatch", body)


def _later_schema() -> str:
    schema = json.loads(current("FlowBatch").text)
    schema["fields"].append({"name": "zone", "type": "string", "doc": "A field that workers do not know yet."})
    return json.dumps(schema)
