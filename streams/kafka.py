"""Kafka as a worker's parts are given it: where it is, how one gets in, and what it says of the topics in use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ClusterMetadata

from schemas.errors import Unavailable
from schemas.kafka_causes import HeardErrors
from streams.kafka_rights import Rights, is_embedded, missing_rights

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Kafka:
    """`bootstrap`: host:port,host:port. `security`: librdkafka's names, security.protocol, sasl.*, ssl.ca.location; empty: plaintext."""

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict)

    def client(self, **settings: Any) -> dict[str, Any]:
        """librdkafka's settings of a client; names with `_` for `.`."""
        named = {name.replace("_", "."): value for name, value in settings.items()}
        return {"bootstrap.servers": self.bootstrap, **named, **self.security}


class TopicChanged(Exception):
    """A topic is not the one that the worker began with: it goes on from the beginning. The text says what has changed."""


@dataclass(frozen=True)
class TopicFacts:
    """By topic: its partitions, and Kafka's id of it, another one once it was made anew; librdkafka's broker gives none: empty."""

    partitions: Mapping[str, int]
    ids: Mapping[str, str]

    def change_to(self, other: TopicFacts) -> str:
        """What is different there, of the topics here; empty: nothing."""
        for name, partitions in self.partitions.items():
            if self.ids[name] != other.ids.get(name):
                return f"Kafka has another topic {name} than before: it was deleted and made anew"
            if partitions != other.partitions[name]:
                return f"topic {name} has {other.partitions[name]} partitions now, and had {partitions}"
        return ""


class TopicCatalog:
    """`known`: what Kafka said of the topics when the worker's parts were made. Any thread may ask."""

    def __init__(self, kafka: Kafka, names: Sequence[str], rights: Rights) -> None:
        """Raises Unavailable where Kafka does not answer, lacks one of them, or refuses the user one of the rights."""
        self._kafka = kafka
        self._heard = HeardErrors()
        settings: dict[str, Any] = {**kafka.client(), "error_cb": self._heard.note}
        self._admin = AdminClient(settings, logger=logging.getLogger("librdkafka"))
        self._lock = threading.Lock()
        self._names = tuple(names)
        self._check_rights(rights)
        self.known = self._ask(self._names)

    def confirm(self, topic: str) -> None:
        """Returns where the topic still is the one that is known. Raises TopicChanged, also where it is gone, and Unavailable."""
        with self._lock:
            known_id = self.known.ids[topic]
            if known_id and self._ids([topic])[topic] != known_id:
                raise TopicChanged(f"topic {topic} was deleted, or deleted and made anew")

    def change(self) -> str:
        """What has changed about the topics; empty: nothing. Raises Unavailable where Kafka does not answer."""
        with self._lock:
            try:
                return self.known.change_to(self._ask(self._names))
            except TopicMissing as error:
                return str(error)

    def _check_rights(self, rights: Rights) -> None:
        try:
            missing = missing_rights(self._admin, rights)
        except KafkaException as error:
            raise self._silent(error) from error
        if missing:
            raise Unavailable(
                f"Kafka at {self._kafka.bootstrap} refuses the user the right {', '.join(missing)}: grant it with kafka-acls.sh."
            )

    def share(self, group: str, read: Sequence[str]) -> GroupShare:
        """How the group shares out the topics that it reads. Raises Unavailable."""
        try:
            return group_share(self._admin, group, {name: self.known.partitions[name] for name in read})
        except KafkaException as error:
            raise self._silent(error) from error

    def _ask(self, names: Sequence[str]) -> TopicFacts:
        try:
            cluster = self._admin.list_topics(timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise self._silent(error) from error
        partitions = {name: _partitions(cluster, name) for name in names}
        # The built-in broker gives no ids: the demo lets its offsets go on instead.
        return TopicFacts(partitions, dict.fromkeys(names, "") if is_embedded(cluster) else self._ids(names))

    def _ids(self, names: Sequence[str]) -> dict[str, str]:
        """Empty for a topic that is gone."""
        asked = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=_ANSWER_SECONDS)
        return {name: self._id(future) for name, future in asked.items()}

    def _id(self, future: Any) -> str:
        try:
            return str(future.result().topic_id)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return ""
            raise self._silent(error) from error

    def _silent(self, error: KafkaException) -> Unavailable:
        self._admin.poll(0)  # `error_cb` is called here
        return Unavailable(self._heard.sentence(self._kafka.bootstrap, error.args[0]))


class TopicMissing(Unavailable):
    """Kafka answers, and has no such topic."""


def _partitions(cluster: ClusterMetadata, name: str) -> int:
    described = cluster.topics.get(name)
    if described is None or not described.partitions:
        raise TopicMissing(f"Kafka has no topic {name}: run `weir topics`")
    return len(described.partitions)


@dataclass(frozen=True)
class GroupShare:
    """How a consumer group shares out the partitions of the topics that it reads. `shares`: partitions of each member."""

    partitions: int
    shares: tuple[int, ...]
    stable: bool

    @property
    def fault(self) -> str:
        """What is wrong with it; empty: nothing, or nothing that can be said while it changes."""
        members, free = len(self.shares), self.partitions - sum(self.shares)
        if not self.stable or not members:
            return ""
        if free:
            return f"{free} of {self.partitions} partitions are nobody's"
        if members <= self.partitions and not all(self.shares):
            return f"{self.shares.count(0)} of {members} workers have none of {self.partitions} partitions"
        return ""

    def of_an_idle_member(self) -> tuple[str, bool]:
        """Why one of its members may have no partitions, and whether that is as it should be."""
        if not self.stable:
            return "no partitions: the group is sharing them out", True
        if self.fault:
            return f"no partitions, although {self.fault}: start this worker again", False
        return f"no partitions: {len(self.shares)} workers share {self.partitions}, and this one is in reserve", True


def group_share(admin: AdminClient, group: str, topics: Mapping[str, int], timeout: float = _ANSWER_SECONDS) -> GroupShare:
    """Asked from the broker. `topics`: partitions by topic. Raises KafkaException where it does not answer."""
    described = admin.describe_consumer_groups([group], request_timeout=timeout)[group].result()
    assigned = [member.assignment.topic_partitions if member.assignment else [] for member in described.members]
    shares = tuple(sum(place.topic in topics for place in places) for places in assigned)
    return GroupShare(sum(topics.values()), shares, described.state == ConsumerGroupState.STABLE)
