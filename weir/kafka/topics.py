"""The Kafka topics as they are against what schemas/topics.py says they should be. Creates what is missing, changes nothing that is there.

Safe to run from many processes at once: a topic that somebody else made first is made.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import Unavailable, WeirError
from schemas.topics import FINDINGS_TOPIC, OWNERSHIP_TOPIC, Topic, all_topics
from weir.kafka.client import client_config, kafka_reason, kafka_unavailable, quiet_logger

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0
ATTEMPT_SECONDS = 3.0
"""Timeout of one call into the client, which cannot be interrupted: bounds how long Ctrl-C takes."""

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class TopicState:
    """One wanted topic, and what is to be said about it."""

    topic: Topic
    partitions: int | None  # None: it does not exist
    complaint: str  # "" where the topic is fit

    @property
    def missing(self) -> bool:
        return self.partitions is None


def wanted_topics(settings: Settings, flow_partitions: int = 8) -> tuple[Topic, ...]:
    """Every topic that Kafka needs; one for what others forward only where there are other regions."""
    return all_topics(flow_partitions, (settings.region,) if settings.region_cidrs else ())


def topic_states(settings: Settings, wanted: Iterable[Topic] = (), timeout: float = TIMEOUT_SECONDS) -> tuple[TopicState, ...]:
    """Every wanted topic with what does not fit. Raises Unavailable when Kafka does not answer in time."""
    topics = tuple(wanted) or wanted_topics(settings)
    admin = _admin(settings)
    there = _partitions(admin, settings, timeout)
    policies = _policies(admin, settings, [topic.name for topic in topics if topic.name in there], timeout)
    return tuple(TopicState(t, there.get(t.name), _complaint(t, there.get(t.name), policies.get(t.name))) for t in topics)


def create_topics(
    settings: Settings, wanted: Iterable[Topic] = (), *, replication: int = -1, timeout: float = TIMEOUT_SECONDS
) -> tuple[str, ...]:
    """Creates what is missing and returns the names of what this call made. Raises Unavailable, or WeirError where Kafka refuses."""
    deadline = time.monotonic() + timeout
    admin = _admin(settings)
    there = _partitions(admin, settings, timeout)
    missing = [topic for topic in tuple(wanted) or wanted_topics(settings) if topic.name not in there]
    if not missing:
        return ()
    made = _create(admin, settings, missing, replication, timeout)
    # Creation is answered by the controller; the broker that a client asks next may learn of it a moment later.
    while absent := {topic.name for topic in missing} - _partitions(admin, settings, timeout).keys():
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka at {settings.kafka_bootstrap} made topic {min(absent)} and does not show it: see its log.")
        time.sleep(0.05)
    return made


def ensure_topics(settings: Settings, stop: threading.Event, wanted: Iterable[Topic] = ()) -> None:
    """Creates what is missing, and waits for a Kafka that is away until it answers or `stop` is set.

    `wanted` absent: what agents, workers and watchers use. Their user need not see what is the detector's.
    """
    topics = tuple(wanted) or tuple(topic for topic in wanted_topics(settings) if topic.name != FINDINGS_TOPIC)
    for attempt in range(2**62):
        try:
            for name in create_topics(settings, topics, timeout=ATTEMPT_SECONDS):
                log.info("created topic %s", name)
            return
        except Unavailable as error:
            log.log(logging.WARNING if attempt == 0 else logging.DEBUG, "%s Waiting for it.", error)
        if stop.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]):
            return


def _admin(settings: Settings) -> Any:
    from confluent_kafka.admin import AdminClient

    return AdminClient(client_config(settings), logger=quiet_logger())


def _partitions(admin: Any, settings: Settings, timeout: float) -> dict[str, int]:
    from confluent_kafka import KafkaException

    try:
        metadata = admin.list_topics(timeout=timeout)
    except KafkaException as error:
        raise kafka_unavailable(settings.kafka_bootstrap, error, admin) from error
    return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}


def _policies(admin: Any, settings: Settings, names: Sequence[str], timeout: float) -> dict[str, str]:
    """cleanup.policy by topic. Brokers that do not describe topics give none, and their topics pass."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import ConfigResource, ResourceType

    if not names:
        return {}
    futures = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=timeout)
    found = {}
    for resource, future in futures.items():
        try:
            found[resource.name] = future.result()["cleanup.policy"].value
        except (KafkaException, KeyError) as error:
            log.debug("topic %s: its configuration cannot be read: %s", resource.name, error)
    return found


def _complaint(topic: Topic, partitions: int | None, policy: str | None) -> str:
    if partitions is None:
        return "missing: run `weir topics`"
    if topic.name == OWNERSHIP_TOPIC and partitions != 1:
        return f"{partitions} partitions, and order needs exactly 1: delete it with every worker stopped, and run `weir topics`"
    wanted = topic.config.get("cleanup.policy")
    if policy is not None and wanted is not None and set(policy.split(",")) != set(wanted.split(",")):
        return f"cleanup.policy is {policy}: set it to {wanted} with kafka-configs.sh --alter"
    return ""


def _create(admin: Any, settings: Settings, missing: Sequence[Topic], replication: int, timeout: float) -> tuple[str, ...]:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic

    passing = (  # They say nothing about the topic: the same call may succeed later.
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_CONTROLLER,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    )
    new = [NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication, config=t.config) for t in missing]
    made = []
    for name, future in admin.create_topics(new, request_timeout=timeout, operation_timeout=timeout).items():
        try:
            future.result()
            made.append(name)
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            if code in passing:
                raise kafka_unavailable(settings.kafka_bootstrap, error, admin) from error
            if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
                refused = f"Kafka at {settings.kafka_bootstrap} neither shows the user topic {name} nor lets it create it"
                raise WeirError(f"{refused}: grant the rights that `weir doctor` names on it, or CREATE on the cluster.") from error
            said = f"Kafka at {settings.kafka_bootstrap} refuses to create topic {name} ({kafka_reason(error)})"
            raise WeirError(f"{said}: create it by hand as `weir topics --check` shows.") from error
    return tuple(made)
