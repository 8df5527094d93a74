"""What earlier watchers have told, read back from Kafka: connections outlive the process that knew where they went."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from producers.watcher.endpoints import Key
from schemas.errors import Unavailable, Unreadable
from schemas.records.cluster import ServiceAddress, WorkloadState
from schemas.topics import IP_EVENTS_TOPIC
from schemas.wire.cluster_codec import CLUSTER_MESSAGES, decode_cluster_record
from schemas.wire.framing import Framer

log = logging.getLogger("weir.watcher")

ANSWER_SECONDS = 5.0
BATCH, BATCH_SECONDS = 1_000, 0.2
_OURS = (b"@services/", b"@workloads/")


@dataclass
class Inherited:
    """The newest word on each address and each workload of a network."""

    network: str
    addresses: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    workloads: dict[tuple[str, str], WorkloadState] = field(default_factory=dict)

    def take(self, record: object) -> None:
        match record:
            case ServiceAddress() if record.network == self.network and record.port:
                self.addresses[Key(record.ip, record.protocol, record.port)] = record.workloads
            case WorkloadState() if record.network == self.network:
                self.workloads[record.kind, record.name] = record


def read_inherited(config: Mapping[str, Any], framer: Framer, network: str, stop: threading.Event) -> Inherited:
    """Reads the topic from its beginning to where it ends now. Raises Unavailable where Kafka does not answer.

    `config`: of librdkafka, with bootstrap.servers. A message that cannot be read is passed over: it is no watcher's, or a newer one's.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    own = {"group.id": "weir-watcher", "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 2}
    found, consumer = Inherited(network), Consumer({**config, **own})
    try:
        low, _ = consumer.get_watermark_offsets(TopicPartition(IP_EVENTS_TOPIC, 0), timeout=ANSWER_SECONDS)
        consumer.assign([TopicPartition(IP_EVENTS_TOPIC, 0, low)])
        heard = time.monotonic()
        while not stop.is_set():
            messages = consumer.consume(BATCH, BATCH_SECONDS)
            if _take_all(found, framer, messages):
                break
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > ANSWER_SECONDS:
                raise Unavailable(f"Kafka gives nothing of {IP_EVENTS_TOPIC} for {ANSWER_SECONDS:g} s.")
    except KafkaException as error:
        raise Unavailable(f"Kafka does not give {IP_EVENTS_TOPIC} to read ({error.args[0].str()}).") from error
    finally:
        consumer.close()
    return found


def _take_all(found: Inherited, framer: Framer, messages: Sequence[Any]) -> bool:
    """Whether this was the end."""
    from confluent_kafka import KafkaError

    for message in messages:
        error = message.error()
        if error is None:
            _take(found, framer, message.key(), message.value())
        elif error.code() == KafkaError._PARTITION_EOF:
            return True
        else:
            raise Unavailable(f"Kafka does not give {IP_EVENTS_TOPIC} to read ({error.str()}).")
    return False


def _take(found: Inherited, framer: Framer, key: bytes | None, value: bytes | None) -> None:
    if not key or not value or not key.startswith(_OURS):
        return
    try:
        framed = framer.unframe(value)
        if framed.name in CLUSTER_MESSAGES:
            found.take(decode_cluster_record(framed.name, framed.body, framed.writer))
    except Unreadable as error:
        log.debug("passed over: %s", error)
