"""Faust's Kafka transport with weir's commits: an offset travels with the block that is pending behind it.

Faust commits offsets with empty metadata. weir needs the boundaries of a block stored *before* its insert, in the
same place as the offset and fenced by the same consumer generation: a worker that lost the partition cannot
decide a block any more. So Faust's own commits become no-ops here, and `commit_decision` is the only one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from mode.services import WaitResults
from mode.threads import ServiceThread, WorkerThread

from schemas.errors import Unavailable
from streams.intake.eager import Begun, begin

logger = logging.getLogger(__name__)
_PENDING = "weir:1:"


@dataclass(frozen=True)
class Committed:
    """What the group has stored for a partition. `pending`: first and last offset of a decided block, or None."""

    offset: int | None
    pending: tuple[int, int] | None = None


def encode_pending(pending: tuple[int, int] | None) -> str:
    return "" if pending is None else f"{_PENDING}{pending[0]}-{pending[1]}"


def decode_pending(metadata: str) -> tuple[int, int] | None:
    """Metadata that is not ours (another tool moved the offsets) decides nothing: there is no block to repeat.

    A tool over librdkafka that copies offsets keeps the metadata, and adds the zero that ends a string in C.
    """
    metadata = metadata.removesuffix("\0")
    if not metadata.startswith(_PENDING):
        return None
    first, _, last = metadata.removeprefix(_PENDING).partition("-")
    return (int(first), int(last)) if first.isdecimal() and last.isdecimal() else None


class DaemonThread(WorkerThread):
    """Keeps no process alive: a consumer that asks a Kafka which is gone cannot be stopped, and has nothing to save."""

    def __init__(self, service: ServiceThread, **kwargs: Any) -> None:
        super().__init__(service, name="consumer", **kwargs)
        self.daemon = True


class DecisionThread(AIOKafkaConsumerThread):
    """Runs the aiokafka consumer; everything that touches it has to be called on its own loop."""

    Worker = DaemonThread
    logger = logging.getLogger("faust")

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        """Faust's own, but that it does not read what a producer's transaction has aborted. Faust does so only within its own."""
        consumer: AIOKafkaConsumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True

    async def commit_decision(self, tp: TP, offset: int, pending: tuple[int, int] | None) -> bool:
        """Store offset and pending block; False where the partition is no longer ours or the broker refuses us."""
        return bool(await self.call_thread(self._commit_decision, tp, offset, pending))

    async def _commit_decision(self, tp: TP, offset: int, pending: tuple[int, int] | None) -> bool:
        partition = TopicPartition(tp.topic, tp.partition)
        consumer = self._ensure_consumer()
        if partition not in consumer.assignment():
            return False
        try:
            await consumer.commit({partition: OffsetAndMetadata(offset, encode_pending(pending))})
        except (CommitFailedError, IllegalStateError) as error:
            logger.warning("commit of %s:%d at %d refused: %r", tp.topic, tp.partition, offset, error)
            return False
        except KafkaError as error:
            raise Unavailable(f"Kafka did not take the commit of {tp.topic}:{tp.partition} at {offset}: {error!r}") from error
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Faust's own, but that a partition with nothing committed before it goes back to its beginning.

        aiokafka leaves such a partition where it stands; what Faust had fetched of it during a rebalance and thrown away never came again.
        """
        return cast("Mapping[TP, int]", await self.call_thread(self._seek_to_committed))

    async def _seek_to_committed(self) -> Mapping[TopicPartition, int]:
        consumer = self._ensure_consumer()
        stored: Mapping[TopicPartition, int] = await consumer.seek_to_committed()
        # A partition that came while Kafka was asked may have been committed: nothing is known of it, and its own rebalance seeks it.
        at_beginning = [partition for partition in consumer.assignment() if partition in stored and not stored[partition]]
        if at_beginning:
            await consumer.seek_to_beginning(*at_beginning)
        return stored

    @property
    def fetched_bytes(self) -> int:
        """What has been fetched and not handed over yet, as it was on the wire. For other threads to look at."""
        fetched = list(self._consumer._fetcher._records.values()) if self._consumer is not None and self._consumer._fetcher else []
        records = [getattr(result, "_partition_records", None) for result in fetched]
        return sum(one._records.size_in_bytes() for one in records if one is not None)

    def end_after(self, tp: TP, applied_to: int) -> int:
        """The offset behind the last message that can be read, as far as is known; `applied_to` where nothing is to come before that.

        What the ends of transactions take, and what was aborted, is nothing. For other threads to look at; 0 where the partition is not
        assigned.
        """
        state = self._state(tp)
        if state is None:
            return 0
        end = state.highwater or 0 if state.lso in (None, -1) else state.lso
        handed_over = self.consumer._read_offset.get(tp) or 0
        nothing_left = state.has_valid_position and state.position >= end and handed_over <= applied_to
        return applied_to if nothing_left else end

    def _state(self, tp: TP) -> Any:
        subscription = self._consumer._subscription.subscription if self._consumer is not None else None
        assignment = subscription.assignment if subscription is not None else None
        return assignment.state_value(TopicPartition(tp.topic, tp.partition)) if assignment is not None else None

    async def earliest(self, tp: TP) -> int:
        """The first offset that the partition still has, asked from the broker. Raises Unavailable."""
        return int(await self.call_thread(self._earliest, TopicPartition(tp.topic, tp.partition)))

    async def _earliest(self, partition: TopicPartition) -> int:
        try:
            return int((await self._ensure_consumer().beginning_offsets([partition]))[partition])
        except KafkaError as error:
            raise Unavailable(f"Kafka does not tell where {partition.topic}:{partition.partition} begins: {error!r}") from error

    async def committed(self, tps: Iterable[TP]) -> dict[TP, Committed]:
        """What the group has stored for these partitions, asked from the broker."""
        return cast("dict[TP, Committed]", await self.call_thread(self._committed, list(tps)))

    async def _committed(self, tps: list[TP]) -> dict[TP, Committed]:
        coordinator = self._ensure_consumer()._coordinator
        stored = await coordinator.fetch_committed_offsets([TopicPartition(tp.topic, tp.partition) for tp in tps])
        return {tp: _as_committed(stored.get(TopicPartition(tp.topic, tp.partition))) for tp in tps}


def _as_committed(stored: OffsetAndMetadata | None) -> Committed:
    if stored is None or stored.offset < 0:
        return Committed(None)
    return Committed(stored.offset, decode_pending(stored.metadata or ""))


class DecisionConsumer(Consumer):
    logger = logging.getLogger("faust")

    async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 (as it is called)
        """Faust's own, with which it hands over every message: four tasks each, where a queue with room needs none."""
        first, *others = waits
        if timeout is not None or self.should_stop or not asyncio.iscoroutine(first) or not all(map(asyncio.iscoroutine, others)):
            return await super().wait_first(*waits, timeout=timeout)
        try:
            begun = begin(first)
        except BaseException:
            _close(others)
            raise
        if isinstance(begun, Begun):
            return await super().wait_first(begun, *others)
        _close(others)
        return WaitResults([first], [begun.value], False)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return DecisionThread(cast(ThreadDelegateConsumer, self), loop=self.loop, beacon=self.beacon)


def _close(unused: Iterable[Coroutine[Any, Any, Any]]) -> None:
    for coroutine in unused:
        coroutine.close()


class DecisionTransport(Transport):
    Consumer = DecisionConsumer
