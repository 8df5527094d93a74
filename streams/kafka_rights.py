"""Rights of the Kafka user that weir's parts need, asked from the broker: which are missing, on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient, ClusterMetadata

from schemas import topics

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Rights:
    """Operations by topic, and the consumer group that must be READ; empty: none."""

    topics: Mapping[str, tuple[str, ...]]
    group: str = ""


def agent_rights() -> Rights:
    return Rights({topics.FLOWS_TOPIC: ("WRITE",)})


def watcher_rights() -> Rights:
    """It reads, when it starts, what was told before it."""
    return Rights({topics.IP_EVENTS_TOPIC: ("READ", "WRITE")})


def detector_rights(group: str) -> Rights:
    """`group`: of the detectors. What it writes, it writes in transactions, which no broker tells of."""
    return Rights({topics.FINDINGS_TOPIC: ("READ", "WRITE")}, group)


def worker_rights(group: str, forwarded: str = "") -> Rights:
    """On the Kafka of the worker's own region. `forwarded`: the topic of what other regions forward, where there are any."""
    needed = {
        topics.FLOWS_TOPIC: ("READ",),
        topics.IP_EVENTS_TOPIC: ("READ",),
        topics.OWNERSHIP_TOPIC: ("READ", "WRITE"),
        topics.ATTRIBUTED_TOPIC: ("WRITE",),
        topics.DEAD_LETTER_TOPIC: ("WRITE",),
    }
    return Rights({**needed, forwarded: ("READ",)} if forwarded else needed, group)


def is_embedded(cluster: ClusterMetadata) -> bool:
    """Whether it is librdkafka's built-in broker, the demo's, which has no users, no ids of topics, and no answer to many questions."""
    return str(cluster.cluster_id).startswith("mockCluster")


def region_rights(forwarded: str) -> Rights:
    """On the Kafka of another region, for what is forwarded there."""
    return Rights({forwarded: ("WRITE",)})


def missing_rights(admin: AdminClient, rights: Rights) -> list[str]:
    """Such as `READ on group weir`. Topics that do not exist are left out, and everything where the broker has no such account.

    Raises KafkaException where it does not answer.
    """
    if is_embedded(admin.list_topics(timeout=_ANSWER_SECONDS)):
        return []
    return [*_of_topics(admin, rights.topics), *_of_group(admin, rights.group)]


def _of_topics(admin: AdminClient, wanted: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    names = TopicCollection(list(wanted))
    asked = admin.describe_topics(names, include_authorized_operations=True, request_timeout=_ANSWER_SECONDS)
    for name, future in asked.items():
        allowed = _allowed(future, KafkaError.TOPIC_AUTHORIZATION_FAILED)
        if allowed is not None:
            yield from (f"{operation} on topic {name}" for operation in wanted[name] if operation not in allowed)


def _of_group(admin: AdminClient, group: str) -> Iterator[str]:
    if not group:
        return
    asked = admin.describe_consumer_groups([group], include_authorized_operations=True, request_timeout=_ANSWER_SECONDS)
    allowed = _allowed(asked[group], KafkaError.GROUP_AUTHORIZATION_FAILED)
    if allowed is not None and "READ" not in allowed:
        yield f"READ on group {group}"


def _allowed(future: Any, refused: int) -> frozenset[str] | None:
    """Names of operations; None where the broker does not say."""
    try:
        operations: list[AclOperation] | None = future.result().authorized_operations
    except KafkaException as error:
        code = error.args[0].code()
        if code == refused:
            return frozenset()
        if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNSUPPORTED_FEATURE, KafkaError.GROUP_ID_NOT_FOUND):
            return None
        raise
    return None if operations is None else frozenset(operation.name for operation in operations)
