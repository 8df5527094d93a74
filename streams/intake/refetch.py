"""A message read again, for its bytes: what is applied keeps only columns."""

from __future__ import annotations

import logging
import uuid

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.errors import Unavailable, Unreadable
from streams.intake.messages import Headers, UnreadableMessage
from streams.kafka import Kafka

_ANSWER_SECONDS = 10.0
client_logger = logging.getLogger("librdkafka")


def fetch_message(kafka: Kafka, topic: str, partition: int, offset: int) -> UnreadableMessage:
    """The message as it was sent, its reason still to be set; empty where Kafka has dropped it meanwhile. Raises Unavailable."""
    place = f"{topic}:{partition}:{offset}"
    settings = kafka.client(group_id=f"weir-refetch-{uuid.uuid4().hex[:8]}", enable_auto_commit=False, auto_offset_reset="earliest")
    consumer = Consumer(settings, logger=client_logger)
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(_ANSWER_SECONDS)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {kafka.bootstrap} does not give message {place}: {error.args[0].str()}") from error
    finally:
        consumer.close()
    refused = None if message is None else message.error()
    if message is None or refused is not None:
        raise Unavailable(f"Kafka at {kafka.bootstrap} does not give message {place}: {refused.str() if refused else 'no answer'}")
    if message.offset() != offset:
        return UnreadableMessage(Unreadable("gone"), b"", b"", ())
    return UnreadableMessage(Unreadable("not set"), message.key() or b"", message.value() or b"", headers_of(message))


def headers_of(message: Message) -> Headers:
    """Pairs, in their order; a header without a value has an empty one."""
    headers = message.headers() or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs)
