"""A span of time made anew: what would be done, whether it may be, and doing it so that a kill at any instant can be made up for.

The order, each step safe before the next:
  1. noted as begun in the tables: from here on no worker looks at what has been applied;
  2. the group is rewound, which Kafka refuses while it has a member: no block is under way;
  3. the rows go;
  4. noted as done: workers go on, under tokens that ClickHouse has not seen.
After a kill the next call continues from 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import WeirError
from schemas.failpoints import reach
from schemas.instants import format_instant
from sinks.engines.base import Engine
from sinks.exactly_once import ledger, recomputations
from sinks.exactly_once.recomputations import Origin, Recomputation, Rewound
from weir.kafka.client import client_config, kafka_reason, kafka_unavailable, quiet_logger

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

HOUR_US = 3_600_000_000
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Plan:
    """`origins`: what the rows of the span came from, a partition each; unknown where an interrupted run is taken up."""

    what: Recomputation
    origins: tuple[Origin, ...]
    resumed: bool


class Recompute:
    """One engine and one Kafka. Raises WeirError with the reason wherever something must not be done."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        from confluent_kafka import Consumer
        from confluent_kafka.admin import AdminClient

        if settings.region_cidrs:
            raise WeirError(
                "Flows that went to other regions cannot be taken back: `weir recompute` works where WEIR_REGION_CIDRS is empty."
            )
        self._settings = settings
        self._engine = engine
        self._admin: Any = AdminClient(client_config(settings), logger=quiet_logger())
        own = {"group.id": settings.group, "enable.auto.commit": False, "enable.partition.eof": True}
        self._consumer: Any = Consumer(client_config(settings, **own), logger=quiet_logger())

    def plan(self, start_us: int, end_us: int) -> Plan:
        """Raises WeirError where the span cannot be made anew, wholly and without doubt."""
        if interrupted := recomputations.interrupted(self._engine):
            if (interrupted.start_us, interrupted.end_us) != (start_us, end_us):
                span = f"{format_instant(interrupted.start_us)} {format_instant(interrupted.end_us)}"
                raise WeirError(f"A recomputation was interrupted, and comes first: run `weir recompute {span} --yes`.")
            return Plan(interrupted, (), True)
        origins = recomputations.origins(self._engine, start_us, end_us)
        if not origins:
            raise WeirError(f"The tables hold nothing from {format_instant(start_us)} to {format_instant(end_us)}.")
        self._check_members()
        places = tuple(map(self._place, origins))
        self._check_memory(origins, places)
        return Plan(Recomputation(recomputations.next_number(self._engine), start_us, end_us, places), tuple(origins), False)

    def run(self, plan: Plan) -> None:
        if not plan.resumed:
            recomputations.note(self._engine, plan.what, "begun")
        reach("recompute.begun")
        try:
            self._rewind(plan.what.places)
        except WeirError:
            if not plan.resumed:
                recomputations.note(self._engine, plan.what, "withdrawn")
            raise
        reach("recompute.rewound")
        recomputations.remove(self._engine, plan.what)
        reach("recompute.removed")
        recomputations.note(self._engine, plan.what, "done")

    def close(self) -> None:
        self._consumer.close()

    # What Kafka says.

    def _check_members(self) -> None:
        from confluent_kafka import KafkaException

        group = self._settings.group
        try:
            members = self._admin.describe_consumer_groups([group], request_timeout=TIMEOUT_SECONDS)[group].result().members
        except KafkaException as error:
            raise self._away(error) from error
        if members:
            raise WeirError(f"Group {group} has {len(members)} workers at work: stop them, and start them again afterwards.")

    def _place(self, origin: Origin) -> Rewound:
        """Where a partition is rewound to. Raises WeirError where Kafka does not hold all that the rows came from."""
        from confluent_kafka import KafkaException, TopicPartition

        from streams.intake.transport import decode_pending

        name = f"{origin.topic}:{origin.partition}"
        place = TopicPartition(origin.topic, origin.partition)
        try:
            topic_id = self._topic_id(origin.topic)
            low, end = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
            (committed,) = self._consumer.committed([place], timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._away(error) from error
        if origin.first_offset < low:
            newest_us = recomputations.newest_before(self._engine, origin.topic, origin.partition, low)
            first = format_instant((newest_us // HOUR_US + 1) * HOUR_US)
            raise WeirError(f"Kafka no longer holds all of it: of {name} it has what came after {first}; begin there or later.")
        if committed.offset < 0 or origin.last_offset >= end:
            raise WeirError(f"The rows of {name} are not of this topic and group {self._settings.group}: were they deleted and made anew?")
        if decode_pending(committed.metadata or ""):
            raise WeirError(f"A block of {name} is decided and not finished: start a worker, let it read on, and stop it.")
        self._check_message(origin)
        until = max(committed.offset, origin.last_offset + 1)
        return Rewound(origin.topic, topic_id, origin.partition, min(origin.first_offset, committed.offset), until)

    def _check_message(self, origin: Origin) -> None:
        """The first message must be the one that the rows came from: a topic made anew has others at the same offsets."""
        from confluent_kafka import TopicPartition

        self._consumer.assign([TopicPartition(origin.topic, origin.partition, origin.first_offset)])
        message = self._consumer.poll(TIMEOUT_SECONDS)
        self._consumer.unassign()
        found = message is not None and message.error() is None and message.offset() == origin.first_offset
        if not found or self._node(message.value() or b"") not in recomputations.nodes(self._engine, origin):
            name = f"{origin.topic}:{origin.partition}:{origin.first_offset}"
            raise WeirError(f"Message {name} is not the one that rows of the tables came from: was the topic deleted and made anew?")

    def _node(self, value: bytes) -> str:
        from schemas.errors import Unreadable
        from schemas.wire.codec import decode_batch
        from weir.kafka.framer import open_framer

        try:
            framed = open_framer(self._settings).unframe(value)
            return decode_batch(framed.body, framed.writer).node_id if framed.name == "FlowBatch" else ""
        except Unreadable:
            return ""

    def _topic_id(self, topic: str) -> str:
        from confluent_kafka import TopicCollection

        from streams.kafka_rights import is_embedded

        cluster = self._admin.list_topics(timeout=TIMEOUT_SECONDS)
        if topic not in cluster.topics:
            raise WeirError(f"Kafka has no topic {topic} any more, which the rows came from.")
        if is_embedded(cluster):
            raise WeirError("Kafka is the demo's, which forgets: only what Apache Kafka keeps can be read again.")
        described = self._admin.describe_topics(TopicCollection([topic]), request_timeout=TIMEOUT_SECONDS)
        return str(described[topic].result().topic_id)

    def _rewind(self, places: tuple[Rewound, ...]) -> None:
        """Kafka itself refuses it while the group has a member."""
        from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

        wanted = [TopicPartition(place.topic, place.partition, place.first_offset) for place in places]
        group = self._settings.group
        try:
            asked = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)], request_timeout=TIMEOUT_SECONDS)
            answered = asked[group].result().topic_partitions
        except KafkaException as error:
            raise self._not_rewound(kafka_reason(error)) from error
        if refused := [place for place in answered if place.error is not None]:
            raise self._not_rewound(refused[0].error.str())

    def _not_rewound(self, reason: str) -> WeirError:
        return WeirError(f"Kafka does not rewind group {self._settings.group} ({reason}): stop its workers, and run this again.")

    def _away(self, error: Exception) -> WeirError:
        return kafka_unavailable(self._settings.kafka_bootstrap, error, self._admin)

    # What the tables say.

    def _check_memory(self, origins: list[Origin], places: tuple[Rewound, ...]) -> None:
        """A worker that reads it again must know of everything else that it meets whether it has been counted."""
        settings, dedup_us = self._settings, self._settings.dedup_seconds * 1_000_000
        if too_old := recomputations.beyond_horizon(self._engine, places, dedup_us):
            raise WeirError(
                f"{too_old} flows that would be read again are older than WEIR_DEDUP_SECONDS={settings.dedup_seconds} behind the newest of "
                "their node: they would be refused as late. Choose a later span, or raise it for this command and every worker."
            )
        entries = settings.dedup_entries // self._partitions(places)
        for origin in origins:
            known = ledger.count(self._engine, ledger.APPLIED_FLOWS, ledger.Span(origin.topic, origin.partition, None, dedup_us))
            if known + origin.flows > entries:
                raise WeirError(
                    f"{origin.topic}:{origin.partition} has more flows to remember than the {entries} that WEIR_DEDUP_ENTRIES="
                    f"{settings.dedup_entries} leaves it: raise it for this command and every worker."
                )

    def _partitions(self, places: tuple[Rewound, ...]) -> int:
        topics = self._admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        return sum(len(topics[name].partitions) for name in {place.topic for place in places})
