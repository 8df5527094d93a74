"""One block's way from messages to rows, and out: what runs between two commits, in a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow.compute as pc

from schemas import headers, topics
from schemas.records.flow_batch import FlowBatch
from schemas.records.tables import BlockIdentity
from schemas.wire.attributed import attributed_messages
from schemas.wire.framing import Framer
from sinks.base import Sink
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.build import Built, all_stay, build_block
from streams.blocks.side_tables import dropped_block
from streams.blocks.sightings import Sightings
from streams.columns.merged import MergedBatches
from streams.dedup.resting import Resting
from streams.dedup.state import DedupState
from streams.forwarding.regions import Regions
from streams.forwarding.split import ForwardedBatch, split_by_region
from streams.intake.messages import ReceivedMessage, UnreadableMessage
from streams.intake.retention import OffsetGap
from streams.observe import metrics
from streams.observe.cpu_stages import stage
from streams.outputs.ip_event_writer import IpEventWriter
from streams.outputs.producer import Record
from streams.ownership.locked_map import LockedOwnershipMap


@dataclass(frozen=True)
class Applied:
    """A built block and what goes with it: flows for other regions, attributed flows and dead letters."""

    identity: BlockIdentity
    built: Built
    forwarded: tuple[ForwardedBatch, ...]
    records: tuple[Record, ...]
    messages: int
    dead_letters: int


class Pipeline:
    """The home region of `regions` and `network` are for batches that name none."""

    def __init__(
        self,
        sink: Sink,
        ownership: LockedOwnershipMap,
        outside: CidrLabels,
        event_writer: IpEventWriter,
        framer: Framer,
        regions: Regions,
        *,
        network: str,
        attributed_partitions: int,
    ) -> None:
        self._sink = sink
        self._ownership = ownership
        self._outside = outside
        self._event_writer = event_writer
        self._framer = framer
        self._crossing = framer.without_registry()
        self._regions = regions
        self._network = network
        self._attributed_partitions = attributed_partitions
        self._sightings = Sightings()

    def build(
        self,
        identity: BlockIdentity,
        messages: Sequence[ReceivedMessage],
        dedup: DedupState,
        published_to: int = 0,
        resting: Resting | None = None,
    ) -> Applied:
        """Remembers the block's flows in `dedup` and its heartbeats in `resting`: once a block. A build that fails leaves `resting` empty.
        What stands before the offset `published_to` has been published.
        """
        try:
            return self._build(identity, messages, dedup, published_to, resting)
        except BaseException:
            if resting is not None:
                resting.forget()
            raise

    def _build(
        self, identity: BlockIdentity, messages: Sequence[ReceivedMessage], dedup: DedupState, published_to: int, resting: Resting | None
    ) -> Applied:
        readable = [(message, message.content) for message in messages if isinstance(message.content, FlowBatch)]
        offsets = [message.offset for message, _ in readable]
        batches = [batch for _, batch in readable]
        built = build_block(
            identity,
            offsets,
            batches,
            dedup,
            # What these batches teach was learned before the hold released them, so the map needs no more than reading.
            self._ownership.reading,
            region=self._regions.home,
            network=self._network,
            outside=self._outside,
            # What another region has sent stays, wherever this region thinks the address is: nothing goes round in circles.
            split=self._split if identity.topic == topics.FLOWS_TOPIC else all_stay,
            resting=resting,
            sightings=self._sightings,
        )
        metrics.DEDUP_ENTRIES.labels(identity.topic, str(identity.partition)).set(dedup.entries)
        with stage("downstream"):
            refused = [(message.offset, message.content) for message in messages if isinstance(message.content, UnreadableMessage)]
            letters = [_dead_letter(identity, offset, content) for offset, content in refused if offset >= published_to]
            records = (*self._attributed(built, identity, published_to), *letters)
        return Applied(identity, built, built.forwarded, records, len(messages), len(refused))

    def _split(self, joined: MergedBatches) -> tuple[MergedBatches, tuple[ForwardedBatch, ...]]:
        return split_by_region(joined, self._regions, self._crossing)

    def insert(self, applied: Applied, *, maybe_written: bool) -> None:
        """Exactly once by the block's identity, after the events that may have named its flows. Raises Unavailable.

        `maybe_written`: an earlier try may have reached the tables.
        """
        with stage("insert"):
            self._event_writer.settle()
            self._sink.write(applied.built.block, maybe_written=maybe_written)

    def tell_dropped(self, decided: BlockIdentity, gap: OffsetGap, arrived_us: int, *, forwards: bool) -> int:
        """Puts into `losses`, once, what Kafka dropped of the block `decided` and the tables lack; returns its messages, 0 where it is
        told already. Raises Unavailable.

        `forwards`: flows may have been on their way to other regions. Whether they got there is not known: every message counts.
        """
        told = replace(decided, first_offset=gap.first, last_offset=gap.until, dropped=True)
        held = self._sink.settle_dropped(decided, told)
        lost = 0 if held is None else gap.messages - (0 if forwards else held)
        if lost:
            self._sink.write(dropped_block(told, lost, arrived_us), maybe_written=True)
        return lost

    def count(self, applied: Applied) -> None:
        """Metrics move once a block is committed, so that they count no block twice."""
        built = applied.built
        forwarded = sum(batch.flows for batch in applied.forwarded)
        outcomes = (("applied", built.applied), ("forwarded", forwarded), ("repeated", built.repeated), ("late", built.late))
        for outcome, flows in outcomes:
            metrics.FLOWS.labels(outcome).inc(flows)
        for reason, flows in built.unattributed:
            metrics.UNATTRIBUTED.labels(reason).inc(flows)
        metrics.MESSAGES.labels("dead_letter").inc(applied.dead_letters)
        metrics.MESSAGES.labels("applied").inc(applied.messages - applied.dead_letters)
        metrics.BLOCK_FLOWS.observe(built.applied)

    def _attributed(self, built: Built, identity: BlockIdentity, published_to: int) -> list[Record]:
        source = [(headers.SOURCE, str(identity).encode())] + [(headers.TOPIC_ID, identity.topic_id.encode())] * bool(identity.topic_id)
        flows = built.block.flows
        fresh = flows.filter(pc.greater_equal(flows.column("first_offset"), published_to)) if published_to else flows
        messages = list(attributed_messages(fresh, self._framer, partitions=self._attributed_partitions))
        parts = [(headers.PART, f"{part}/{len(messages)}".encode()) for part in range(1, len(messages) + 1)]
        return [
            Record(topics.ATTRIBUTED_TOPIC, message.key, message.value, (*source, part), message.partition)
            for message, part in zip(messages, parts, strict=True)
        ]


def _dead_letter(identity: BlockIdentity, offset: int, refused: UnreadableMessage) -> Record:
    place = f"{identity.topic}:{identity.partition}:{offset}"
    told = (*refused.headers, (headers.REASON, str(refused.reason).encode()), (headers.SOURCE, place.encode()))
    return Record(topics.DEAD_LETTER_TOPIC, refused.key, refused.value, told)
